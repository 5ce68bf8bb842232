"""From a pipe to a link: greeting, the duplicate-link rule, the queue of arrivals. Common to every endpoint."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from shoal_base.logs import get_log
from shoal_certs.identity import Identity
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.contract import Party, Pipe
from shoal_swarm.transport.customs import Customs
from shoal_swarm.transport.greeting import greet_as_dialler, greet_as_listener
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.link import GreetedLink, part
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason
from shoal_swarm.transport.registry import Registry


@dataclass(slots=True)
class Reception:
    """Where pipes become links."""

    me: Identity
    limits: Limits
    registry: Registry
    arrivals: asyncio.Queue[GreetedLink] = field(init=False)

    def __post_init__(self) -> None:
        """One place for every link there may be."""
        self.arrivals = asyncio.Queue(self.registry.links_max)

    async def dialled(self, open_pipe: Callable[[], Pipe], kind: LinkKind, party: Party) -> GreetedLink:
        """Greet on a connection that we opened; the link to use."""
        link = await self._greeted(open_pipe, kind, party, dialled=True)
        loser = self.registry.settle(link)
        if loser is not None:
            try:
                await loser.close(Reason.DUPLICATE)
            except asyncio.CancelledError:  # nobody will ever be given this link, so nobody else would close it
                await link.close()
                raise
        if loser is link:
            kept = self.registry.rival(link)
            if kept is None:
                raise LinkEnded(Reason.DUPLICATE, party.identity.uri)
            return kept
        return link

    async def arrived(
        self, open_pipe: Callable[[], Pipe], kind: LinkKind, party: Party, drop: Callable[[], None]
    ) -> None:
        """Greet on a connection that was opened to us; if it becomes a link, it is in `arrivals`.

        `drop` closes the bare connection where there is no room for a pipe.
        """
        opened = False

        def open_once() -> Pipe:
            nonlocal opened
            opened = True
            return open_pipe()

        try:
            link = await self._greeted(open_once, kind, party, dialled=False)
        except (LinkEnded, LinkRefused) as end:
            get_log().warning("connection_refused", reason=end.reason.value, about=end.about, detail=end.detail)
            return
        finally:
            if not opened:
                drop()
        if self.arrivals.full():  # nobody takes links here
            await link.close(Reason.FULL)
            return
        loser = self.registry.settle(link)
        if loser is not link:
            self.arrivals.put_nowait(link)
        if loser is not None:
            await loser.close(Reason.DUPLICATE)

    async def _greeted(
        self, open_pipe: Callable[[], Pipe], kind: LinkKind, party: Party, *, dialled: bool
    ) -> GreetedLink:
        self.registry.reserve(party.identity)
        pipe: Pipe | None = None
        try:
            pipe = open_pipe()
            customs = Customs(self.me, party.identity, kind, self.limits)
            await (greet_as_dialler if dialled else greet_as_listener)(pipe, customs)
        except (LinkEnded, LinkRefused) as end:
            self.registry.release(party.identity)
            if pipe is not None:
                await part(pipe, end.reason, self.limits.goodbye_s)
            raise
        except BaseException:
            self.registry.release(party.identity)
            if pipe is not None:
                pipe.abort(Reason.CLOSED)
            raise
        get_log().info("link_opened", peer=party.identity.uri, link=kind.value, dialled=dialled)
        return GreetedLink(pipe, customs, party, dialled=dialled, on_end=self._over)

    def _over(self, link: GreetedLink) -> None:
        self.registry.forget(link)
        self.registry.release(link.peer.identity)
