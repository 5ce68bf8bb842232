"""The wire's twin in memory: the same links, greetings and customs over queues, with weather.

Every message is encoded and decoded, so what passes here passes the codec. Weather is drawn from a seeded
generator; a real link never loses one message out of many, but what stands on links must survive worse than
what it is promised, and here it can be shown to.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from shoal_certs.identity import Identity
from shoal_swarm.protocol.roles import LinkKind, may_dial
from shoal_swarm.transport.chores import Chores
from shoal_swarm.transport.contract import Address, Buffer, Party
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.link import GreetedLink
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, link_error
from shoal_swarm.transport.reception import Reception
from shoal_swarm.transport.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to messages on their way; shares are of all messages."""

    lost: float = 0.0
    doubled: float = 0.0
    swapped: float = 0.0
    """Exchanged with the one that follows."""
    delay_s: float = 0.0
    """Each waits for a random time up to this."""
    cut: float = 0.0
    """The connection breaks instead."""


FAIR = Weather()


class MemoryPipe:
    """One side of a pair of queues."""

    def __init__(self, network: "MemoryNetwork", peer: Identity, limits: Limits) -> None:
        self._network = network
        self._about = peer.uri
        self._limits = limits
        self._inbox: deque[Sequence[Buffer]] = deque()
        self._held: Sequence[Buffer] | None = None
        self._end: tuple[Reason, str] | None = None
        self._news = asyncio.Event()
        self._space = asyncio.Event()
        self.other: MemoryPipe | None = None
        self.bytes_carried = 0

    async def send(self, frames: Sequence[Buffer]) -> None:
        """Queue one message; waits while the other side's queue is full."""
        copies = [bytes(frame) for frame in frames]
        self.bytes_carried += sum(len(frame) for frame in copies)
        for message in await self._weathered(copies):
            if self._end is not None or self.other is None:
                raise self._error()
            await self.other._take(message)  # noqa: SLF001 - two ends of one thing
        if self._end is not None:
            raise self._error()

    async def receive(self) -> Sequence[Buffer]:
        """The next message, or the error that ended the pipe."""
        while not self._inbox:
            if self._end is not None:
                raise self._error()
            self._news.clear()
            await self._news.wait()
        message = self._inbox.popleft()
        self._space.set()
        self.bytes_carried += sum(len(frame) for frame in message)
        return message

    async def finish(self) -> None:
        """What was sent is already there; close."""
        self.abort(Reason.CLOSED)

    def abort(self, reason: Reason, detail: str = "") -> None:
        """Close now; the other side notices that the connection ended."""
        self._finish(reason, detail)
        if self.other is not None:
            self.other._finish(Reason.TRUNCATED, "")  # noqa: SLF001 - two ends of one thing

    def _finish(self, reason: Reason, detail: str) -> None:
        if self._end is None:
            self._end = (reason, detail)
            self._news.set()
            self._space.set()

    async def _take(self, message: Sequence[Buffer]) -> None:
        while self._end is None and len(self._inbox) >= self._limits.queue_messages:
            self._space.clear()
            await self._space.wait()
        if self._end is None:
            self._inbox.append(message)
            self._news.set()

    async def _weathered(self, frames: Sequence[Buffer]) -> list[Sequence[Buffer]]:
        weather, draw = self._network.weather, self._network.chance.random
        if weather.delay_s:
            await asyncio.sleep(draw() * weather.delay_s)
        if draw() < weather.cut:
            self.abort(Reason.BROKEN, "cut")
            return []
        if draw() < weather.lost:
            return []
        if self._held is not None:
            held, self._held = self._held, None
            return [frames, held]
        if draw() < weather.swapped:
            self._held = frames
            return []
        return [frames, frames] if draw() < weather.doubled else [frames]

    def _error(self) -> LinkEnded | LinkRefused:
        reason, detail = self._end or (Reason.CLOSED, "")
        return link_error(reason, self._about, detail)


@dataclass(slots=True)
class MemoryNetwork:
    """Where memory endpoints find each other."""

    chance: np.random.Generator
    weather: Weather = FAIR
    _listening: dict[Address, "MemoryEndpoint"] = field(default_factory=dict)
    _pipes: list[tuple[Identity, Identity, MemoryPipe]] = field(default_factory=list)

    def cut(self, one: Identity, other: Identity) -> None:
        """Break every connection between two parties."""
        for dialler, listener, pipe in self._pipes:
            if {dialler, listener} == {one, other}:
                pipe.abort(Reason.BROKEN, "cut")


class MemoryEndpoint:
    """One party's end of a memory network."""

    def __init__(self, network: MemoryNetwork, identity: Identity, limits: Limits = DEFAULT_LIMITS) -> None:
        self._network = network
        self._limits = limits
        self._reception = Reception(identity, limits, Registry(identity, limits, limits.links_max))
        self._chores = Chores()
        self._address: Address | None = None
        self.identity = identity

    async def listen(self, address: Address) -> Address:
        """Let others in here; port 0 takes a free one, which is returned."""
        taken = self._network._listening  # noqa: SLF001 - the network is where endpoints meet
        port = address[1] or 1 + max((port for _, port in taken), default=0)
        self._address = (address[0], port)
        taken[self._address] = self
        return self._address

    async def dial(self, address: Address, kind: LinkKind, expected: Identity) -> GreetedLink:
        """A link to `expected`, greeted. When both dialled each other, it may be the one that they dialled."""
        listener = self._network._listening.get(address)  # noqa: SLF001
        if listener is None:
            raise LinkEnded(Reason.UNREACHABLE, f"{address[0]}:{address[1]}")
        if listener.identity != expected:
            raise LinkRefused(Reason.CERTIFICATE, expected.uri, f"{listener.identity} answered")
        if not may_dial(self.identity.role, expected.role, kind):
            raise LinkRefused(Reason.REFUSED_BY_PEER, expected.uri, f"as {self.identity.role}")
        ours = MemoryPipe(self._network, expected, self._limits)
        theirs = MemoryPipe(self._network, self.identity, listener._limits)  # noqa: SLF001
        ours.other, theirs.other = theirs, ours
        self._network._pipes.append((self.identity, expected, ours))  # noqa: SLF001
        listener._arrive(theirs, kind, Party(self.identity))  # noqa: SLF001
        try:
            return await self._reception.dialled(lambda: ours, kind, Party(expected))
        except LinkEnded as end:
            if end.reason in {Reason.BROKEN, Reason.TRUNCATED} and self._network.weather == FAIR:
                raise LinkRefused(Reason.REFUSED_BY_PEER, expected.uri, end.detail) from end
            raise

    async def accept(self) -> GreetedLink:
        """The next link that somebody else dialled, greeted."""
        while True:
            link = await self._reception.arrivals.get()
            if link.ended is None:
                return link

    def links(self) -> Sequence[GreetedLink]:
        """Every live link, whoever dialled it."""
        return self._reception.registry.links()

    async def close(self) -> None:
        """Close every link with BYE, and let nobody in any more."""
        if self._address is not None:
            self._network._listening.pop(self._address, None)  # noqa: SLF001
        await self._chores.close()
        for link in self.links():
            await link.close()

    def _arrive(self, pipe: MemoryPipe, kind: LinkKind, party: Party) -> None:
        greeting = self._reception.arrived(lambda: pipe, kind, party, lambda: pipe.abort(Reason.TOO_MANY_LINKS))
        self._chores.begin(greeting, f"greet {party.identity}")
