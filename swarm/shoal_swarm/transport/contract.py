"""What every implementation of the wire offers; one test suite holds all of them to it.

    Endpoint    one party's end: dials, listens, hands over links
    Link        greeted, ordered, both ways; the other party is whom the certificate names
    Pipe        what a link stands on: frames to and from one authenticated party

Whoever uses a link may rely on this:

1. A message that `receive` returns came from `peer`, decodes, and may be said by its role on such a link.
2. Messages arrive in order, each once, or the link ends.
3. `receive` raises `LinkEnded` (dial again) or `LinkRefused` (don't) when nothing more will come.
4. `send` returns when the message is queued, not when it has arrived; it waits while the queue is full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from shoal_certs.identity import Identity
from shoal_certs.validator import Certified
from shoal_swarm.protocol.messages import AnyMessage
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.reasons import LinkRefused, Reason

Buffer: TypeAlias = bytes | memoryview
Address: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and, where its kind has one, its payload."""

    message: AnyMessage
    payload: Buffer | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the other end, and by what it was proved; in memory nothing needs proof."""

    identity: Identity
    certified: Certified | None = None


class Pipe(Protocol):
    """Frames to and from one authenticated party."""

    @property
    def bytes_carried(self) -> int:
        """Both ways, so far."""

    async def send(self, frames: Sequence[Buffer]) -> None:
        """Queue one message; waits while the queue is full."""

    async def receive(self) -> Sequence[Buffer]:
        """The next message, or the error that ended the pipe."""

    async def finish(self) -> None:
        """Deliver what is queued, within bounds, and close."""

    def abort(self, reason: Reason, detail: str = "") -> None:
        """Close now."""


class Link(Protocol):
    """A greeted connection to one other party."""

    @property
    def peer(self) -> Party:
        """Who is at the other end."""

    @property
    def kind(self) -> LinkKind:
        """What the link is for."""

    @property
    def dialled(self) -> bool:
        """Whether this side dialled."""

    async def send(self, message: AnyMessage, payload: Buffer | None = None) -> None:
        """Queue a message for the peer."""

    async def receive(self) -> Parcel:
        """The peer's next message; one caller at a time."""

    async def refuse(self, reason: Reason, detail: str) -> LinkRefused:
        """Close because of what the peer did; the error to raise."""

    async def close(self, reason: Reason = Reason.CLOSED) -> None:
        """Say BYE with a reason, deliver it, and close."""


class Endpoint(Protocol):
    """One party's end of the wire."""

    @property
    def identity(self) -> Identity:
        """Who this party is."""

    async def listen(self, address: Address) -> Address:
        """Let others in here; port 0 takes a free one, which is returned."""

    async def dial(self, address: Address, kind: LinkKind, expected: Identity) -> Link:
        """A link to `expected`, greeted. When both dialled each other, it may be the one that they dialled."""

    async def accept(self) -> Link:
        """The next link that somebody else dialled, greeted."""

    def links(self) -> Sequence[Link]:
        """Every live link, whoever dialled it."""

    async def close(self) -> None:
        """Close every link with BYE, and let nobody in any more."""
