"""What a peer expects of whoever makes its contributions, and the two that there are.

    Synthetic    makes numbers up, to try a swarm without data (synthetic.py)
    TrainerDesk  a trainer in a process of its own, over a socket and a folder of files (trainer_desk.py)

The peer says from which COMMIT, and gets payloads for all pieces when they are made, which may take days. A newer
order takes the place of an older one, whose answer is then None.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from shoal_base.errors import ShoalError
from shoal_swarm.merge import Piece, Plan
from shoal_swarm.peer.late import Late
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest

Answer = TypeVar("Answer")
Read = Callable[[Digest], bytes]


class BytesMissing(ShoalError):
    """Bytes that this node counted on are not there any more."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"{digest.hex()} is not on this disk any more. It is fetched or made again.")
        self.digest = digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Make a contribution from this COMMIT; from round -1, the adapter that all start from."""

    base: int
    pieces: Sequence[Digest]
    steps: int
    late: Sequence[Late] = ()
    spoken_for: Digest | None = None
    """The contribution from the base before that the protocol looks after; what was made beyond it is nobody's yet."""
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A contribution: the payload of every piece, how much it weighs, and the steps since the COMMIT."""

    payloads: list[bytes]
    examples: int
    steps: int


class Bench(Protocol):
    """What a contributor may use of its peer."""

    def read(self, digest: Digest) -> bytes:
        """Bytes of a piece."""

    async def compute(self, work: Callable[[], Answer]) -> Answer | None:
        """A result of the computing thread; None where bytes or values stood in the way, which was said."""


class Contributor(Protocol):
    """Whoever makes a node's contributions."""

    @property
    def plan(self) -> Plan:
        """The rules of the run."""

    @property
    def pieces(self) -> Sequence[Piece]:
        """The pieces of its adapters, in order."""

    def train(self, order: Assignment, bench: Bench) -> Awaitable[Made | None]:
        """Make a contribution."""

    def train_on(self, steps: int, bench: Bench) -> Awaitable[Made | None]:
        """Go on to so many steps since the COMMIT, because no sentinel answers."""

    def finish(self, order: Assignment, ledger: Sequence[LedgerEntry], bench: Bench) -> Awaitable[None]:
        """The run is over, and the order's pieces are what came out; returns when the peer may end."""

    def facts(self) -> Mapping[str, Any]:
        """How far it is, for people."""
