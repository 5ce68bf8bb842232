"""Where the names of a task lead on this host, by its profile. Paths count from the profile's folder."""

from dataclasses import dataclass
from pathlib import Path

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_swarm.service.columns import check_column, columns_of
from shoal_swarm.service.run_config import file_content
from shoal_swarm.spec.profile import NodeOffered, Profile, read_profile
from shoal_swarm.spec.task import Task


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
            raise InputRefused(f"There is no node {name} in the profile of {self.profile.host}: its nodes are {known}.")
        return found

    def output(self, node: NodeOffered) -> Path:
        """Where a node's result goes."""
        return self.folder / node.output

    def models(self) -> dict[str, Path]:
        """The folders of the base models that this host has, by name."""
        return {name: self.folder / path for name, path in self.profile.models.items()}

    def file(self, node: NodeOffered, dataset: str, key: str) -> Path:
        """Where a node has the data that a key of the task names."""
        if dataset not in node.datasets:
            known = ", ".join(node.datasets) or "none"
            raise InputRefused(
                f"The task's {key}: {dataset} is not among the datasets of {node.name}, which has {known}. Map the "
                "name to a file in the profile."
            )
        return self.folder / node.datasets[dataset].path

    def train_file(self, task: Task, node: NodeOffered) -> Path:
        """What a node trains on."""
        return self.file(node, task.data.dataset, "data.dataset")

    def test_file(self, task: Task, node: NodeOffered) -> Path:
        """What a node measures with."""
        return self.file(node, task.evaluate.dataset, "evaluate.dataset")

    def check(self, task: Task, node: NodeOffered) -> None:
        """Refuse what is not there before anything is started."""
        for path in (self.train_file(task, node), self.test_file(task, node)):
            if not path.is_file():
                raise PlaceRefused(f"{path}, which the profile names for {node.name}, is no file. Mend the profile.")
            columns = columns_of(path)
            for column in (task.data.text, task.data.label):
                check_column(path, columns, column)


def host_in(path: Path) -> Host:
    """The profile in a file."""
    return Host(read_profile(file_content(path), str(path)), path.absolute().parent)
