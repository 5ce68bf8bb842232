"""Where the names of a task lead on this host, by its profile. Paths count from the profile's folder."""

from dataclasses import dataclass
from pathlib import Path

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_base.home import this_home
from shoal_node.data.tables import read_table
from shoal_node.models.folders import model_folder
from shoal_node.recipes.text_classification import Sources
from shoal_swarm.spec.profile import NodeOffered, Profile, read_profile
from shoal_swarm.spec.task import Task, read_task


@dataclass(frozen=True, slots=True)
class Host:
    """A profile, and the folder that its paths count from."""

    profile: Profile
    folder: Path

    def node(self, name: str) -> NodeOffered:
        """The node of that name."""
        found = self.profile.node(name)
        if found is None:
            known = ", ".join(node.name for node in self.profile.nodes)
            raise InputRefused(f"--node {name} is not in the profile of {self.profile.host}: its nodes are {known}.")
        return found

    def output(self, node: NodeOffered) -> Path:
        """Where a node's result goes."""
        return self.folder / node.output

    def sources(self, task: Task, nodes: tuple[NodeOffered, ...]) -> Sources:
        """What these nodes train on together; held-out data are those of the first."""
        mapped = {name: self.folder / path for name, path in self.profile.models.items()}
        return Sources(
            model=model_folder(task.model.name, mapped, this_home().models),
            train=[read_table(self._file(node, task.data.dataset, "data.dataset")) for node in nodes],
            test=read_table(self._file(nodes[0], task.evaluate.dataset, "evaluate.dataset")),
        )

    def _file(self, node: NodeOffered, dataset: str, key: str) -> Path:
        if dataset not in node.datasets:
            known = ", ".join(node.datasets) or "none"
            raise InputRefused(
                f"The task's {key}: {dataset} is not among the datasets of {node.name}, which has {known}. Map the "
                "name to a file in the profile."
            )
        return self.folder / node.datasets[dataset].path


def task_in(path: Path) -> Task:
    """The task in a file."""
    return read_task(_content(path), str(path))


def host_in(path: Path) -> Host:
    """The profile in a file."""
    return Host(read_profile(_content(path), str(path)), path.absolute().parent)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be read: {problem.strerror}.") from problem
