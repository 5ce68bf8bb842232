"""One desk for each bulk link, whoever dialled it.

Two parties may have two links, one dialled by either, and whatever one of them says on either must be heard. So
nobody who only wants to send may read a link or close it. Here it is served once, from its first moment to its
last; who wants to send asks for the desk, and a link that nobody uses any more says goodbye by itself.
"""

import asyncio
from collections import defaultdict
from types import TracebackType
from typing import Self

from shoal_base.logs import get_log
from shoal_certs.identity import Identity
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.hooks import (
    OnDelivery,
    OnEnd,
    OnMessage,
    Wants,
    ignore,
    knows_nothing_else,
    not_missed,
    wants_anything,
)
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.chores import Chores
from shoal_swarm.transport.contract import Address, Endpoint, Link
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason


class Desks:
    """The bulk links of one endpoint; use it as `async with Desks(endpoint, store) as desks`."""

    def __init__(
        self,
        endpoint: Endpoint,
        store: Store | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        wants: Wants = wants_anything,
        on_delivery: OnDelivery = ignore,
        on_message: OnMessage = knows_nothing_else,
        on_end: OnEnd = not_missed,
    ) -> None:
        self._endpoint = endpoint
        self._store = store
        self._limits = limits
        self._wants = wants
        self._on_delivery = on_delivery
        self._on_message = on_message
        self._on_end = on_end
        self._desks: dict[Link, BulkDesk] = {}
        self._dialling: defaultdict[Identity, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._chores = Chores()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._chores.close()

    def serve(self, link: Link) -> BulkDesk:
        """The desk of a link, which is read and answered from now on."""
        desk = self._desks.get(link)
        if desk is None:
            desk = self._desks[link] = BulkDesk(
                link,
                self._store,
                limits=self._limits,
                wants=self._wants,
                on_delivery=self._on_delivery,
                on_message=self._on_message,
            )
            self._chores.begin(self._run(link, desk), f"bulk with {link.peer.identity}")
        return desk

    async def reach(self, address: Address | None, peer: Identity) -> BulkDesk:
        """A desk to ask and to send from: over the link to `peer` that we dialled, which is in nobody's way.

        As long as there is none, the one that they dialled does; whoever can't be dialled has no other.
        """
        ours, theirs = self._linked(peer, dialled=True), self._linked(peer, dialled=False)
        if ours is not None:
            return ours
        if theirs is None:
            return await self._dialled(address, peer)
        if not self._dialling[peer].locked():
            self._chores.begin(self._dialled_beside(address, peer), f"dial {peer}")
        return theirs

    def _linked(self, peer: Identity, *, dialled: bool) -> BulkDesk | None:
        for link in self._endpoint.links():
            if link.kind is LinkKind.BULK and link.peer.identity == peer and link.dialled is dialled:
                return self.serve(link)
        return None

    async def _dialled(self, address: Address | None, peer: Identity) -> BulkDesk:
        async with self._dialling[peer]:
            if (ours := self._linked(peer, dialled=True)) is not None:
                return ours
            if address is None:
                raise LinkEnded(Reason.UNREACHABLE, peer.uri, "its address is not known")
            return self.serve(await self._endpoint.dial(address, LinkKind.BULK, peer))

    async def _dialled_beside(self, address: Address | None, peer: Identity) -> None:
        try:
            await self._dialled(address, peer)
        except (LinkEnded, LinkRefused) as problem:
            get_log().info("dial_failed", peer=peer.uri, reason=problem.reason.value)

    async def _run(self, link: Link, desk: BulkDesk) -> None:
        try:
            self._on_end(link, await desk.run())
        finally:
            del self._desks[link]
            await link.close()
