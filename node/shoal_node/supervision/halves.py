"""What the two halves of a node are started with.

The peer has keys and the network; the trainer has data and torch, and of the environment only what is named here. So a
token of a tracker, a proxy or a cloud that happens to lie in the environment never gets to code that reads data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shoal_certs.credentials import CredentialFiles
from shoal_swarm.service.children import Order

ALLOWED: Final = frozenset(
    {
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "PATH",
        "PYTHONPATH",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
        "CUDA_VISIBLE_DEVICES",
        "LD_LIBRARY_PATH",
        "MKL_NUM_THREADS",
        "NVIDIA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "SHOAL_HOME",
        "SHOAL_LOG_FORMAT",
        "SHOAL_LOG_LEVEL",
    }
)
"""All that a trainer gets of the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """One node: who it is, what it works on, where its halves meet."""

    name: str
    task: Path
    profile: Path
    files: CredentialFiles
    sentinel: str
    sentinel_name: str
    address: str
    state: Path
    logs: Path

    @property
    def link(self) -> Path:
        """Where the two halves meet."""
        return self.state / "link"

    def trainer(self, environment: Mapping[str, str]) -> Order:
        """The learning half."""
        return Order(
            name=f"the trainer of {self.name}",
            arguments=[
                "train",
                *("--task", str(self.task), "--profile", str(self.profile)),
                *("--node", self.name, "--link", str(self.link)),
            ],
            environment={name: value for name, value in environment.items() if name in ALLOWED},
            log=self.logs / f"{self.name}.trainer.log",
        )

    def peer(self, environment: Mapping[str, str], *, trainer_is_done: bool = False) -> Order:
        """The networked half."""
        return Order(
            name=f"the peer of {self.name}",
            arguments=[
                "peer",
                *("--task", str(self.task), "--sentinel", self.sentinel, "--sentinel-name", self.sentinel_name),
                *("--address", self.address, "--state", str(self.state), "--link", str(self.link)),
                *("--key", str(self.files.key), "--cert", str(self.files.cert), "--capath", str(self.files.capath)),
                *(["--trainer-is-done"] if trainer_is_done else []),
            ],
            environment=dict(environment),
            log=self.logs / f"{self.name}.peer.log",
        )
