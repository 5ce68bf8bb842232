"""The folder of a run on this machine: where everything of it lies."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Everything that `shoal run` writes, besides the nodes' own outputs."""

    root: Path
    swarm: str

    @property
    def home(self) -> Path:
        """SHOAL_HOME of everything that is started."""
        return self.root / "home"

    @property
    def certs(self) -> Path:
        """Throw-away certificates, one folder for each party."""
        return self.home / "certs" / self.swarm

    @property
    def logs(self) -> Path:
        """What everything that was started said."""
        return self.home / "logs"

    @property
    def note(self) -> Path:
        """Which run this folder is of."""
        return self.root / "run.json"

    @property
    def swum(self) -> Path:
        """There as soon as every node has the swarm's result."""
        return self.root / "swarm.done"

    @property
    def summary(self) -> Path:
        """What came out."""
        return self.root / "summary.json"

    @property
    def data(self) -> Path:
        """Data that were made or divided for this run."""
        return self.root / "data"

    def state(self, run: str, node: str) -> Path:
        """What a node must find again after a crash."""
        return self.home / "state" / self.swarm / run / node

    def baseline(self, name: str) -> Path:
        """The result of training without a swarm."""
        return self.root / "baselines" / name

    def identity(self, name: str) -> Path:
        """A party's key and certificate."""
        return self.certs / name
