"""What a run without a task works on: files written and data made or divided for it, once."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from shoal_base.errors import InputRefused, ProblemsFound
from shoal_orchestrator.planning.defaults import Choices, profile_text, task_text
from shoal_orchestrator.running.folder import write_whole
from shoal_swarm.service.children import SHOAL

TRAIN, TEST = "train.csv", "test.csv"
SKEW: Final = 0.3
"""Of the Dirichlet distribution by which given data are divided: the nodes' labels differ much."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A task and a profile in the folder of a run, and what their data are made of."""

    root: Path
    choices: Choices
    data: Path | None

    @classmethod
    def of(cls, root: Path, choices: Choices, data: Path | None) -> "Demonstration":
        """With data of one's own, or made-up ones; what is missing is refused."""
        if data is None:
            return cls(root, choices, None)
        missing = [name for name in (TRAIN, TEST) if not (data / name).is_file()]
        if missing:
            raise InputRefused(
                f"--data {data} has no {' and no '.join(missing)}. Both are needed, with columns text and stars."
            )
        return cls(root, replace(choices, test=str((data / TEST).absolute())), data)

    @property
    def task(self) -> Path:
        """Where the task lies."""
        return self.root / "task.yaml"

    @property
    def profile(self) -> Path:
        """Where the profile lies."""
        return self.root / "profile.yaml"

    @property
    def texts(self) -> dict[Path, str]:
        """Both files."""
        return {self.task: task_text(self.choices), self.profile: profile_text(self.choices)}

    def write(self) -> None:
        """Put everything in its place; the same again changes nothing."""
        if any(path.exists() and path.read_text() != text for path, text in self.texts.items()):
            raise InputRefused(
                f"{self.root} holds a run with other options. Choose another --out, or remove it to start anew."
            )
        if not self.profile.exists():  # it is written last
            self._make_data()
            for path, text in self.texts.items():
                write_whole(path, text)

    def _make_data(self) -> None:
        common = ["--out", str(self.root / "data"), "--nodes", str(self.choices.nodes)]
        common += ["--seed", str(self.choices.seed)]
        if self.data is None:
            _shoal(["data", "reviews", *common])
            return
        how = ["--how", "dirichlet", "--alpha", str(SKEW), "--label", self.choices.label]
        _shoal(["data", "split", str(self.data / TRAIN), *how, *common])


def _shoal(arguments: Sequence[str]) -> None:
    """Run a command of another package to its end, and pass on what it says."""
    done = subprocess.run([*SHOAL, *arguments], check=False, capture_output=True, text=True)  # noqa: S603 - ourselves
    if done.returncode:
        raise ProblemsFound(f"`shoal {' '.join(arguments)}` did not work:", [done.stderr.strip()])
