"""SHOAL_HOME: the one layout that scripts, services and containers share."""

from dataclasses import dataclass
from pathlib import Path

from shoal_base.errors import PlaceRefused
from shoal_base.settings import read_settings

OWNER_ONLY = 0o700


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one machine; made when first written to, readable by their owner only."""

    root: Path

    @property
    def certs(self) -> Path:
        """Authorities, bundles and identities, one folder a swarm."""
        return self.root / "certs"

    @property
    def state(self) -> Path:
        """What services must find again after a crash: registers, journals, sockets."""
        return self.root / "state"

    @property
    def logs(self) -> Path:
        """What processes that run unattended wrote."""
        return self.root / "logs"

    @property
    def runs(self) -> Path:
        """What came out, one folder a run."""
        return self.root / "runs"

    @property
    def models(self) -> Path:
        """Base models, checked by hash, that trainers read and never write."""
        return self.root / "models"

    def ensure(self) -> None:
        """Make what is missing; what is there keeps its permissions."""
        for folder in (self.root, self.certs, self.state, self.logs, self.runs, self.models):
            try:
                folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
            except OSError as problem:
                raise PlaceRefused(
                    f"{folder} cannot be made: {problem.strerror}. Make it yourself, or let SHOAL_HOME name a "
                    "folder that you may write to."
                ) from problem


def this_home() -> Home:
    """The home of the process that asks: SHOAL_HOME, or `.shoal` in the user's folder."""
    return Home(read_settings().home.expanduser().absolute())
