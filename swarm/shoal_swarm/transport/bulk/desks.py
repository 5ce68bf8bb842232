"""One desk for each bulk link, whoever dialled it.

Two parties that send to each other share one link: when both dial, one of the two links is closed and the
other is used by both. So nobody who only wants to send may read a link or close it. Here it is served once,
from its first moment to its last; who wants to send asks for the desk, and a link that nobody uses any more
says goodbye by itself.
"""

import asyncio
from collections import defaultdict
from types import TracebackType
from typing import Self

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

    def linked(self, peer: Identity) -> BulkDesk | None:
        """The desk of a live link to `peer`, if there is one."""
        for link in self._endpoint.links():
            if link.kind is LinkKind.BULK and link.peer.identity == peer:
                return self.serve(link)
        return None

    async def reach(self, address: Address, peer: Identity) -> BulkDesk:
        """A desk to send to `peer` from: over the link that there is, or over a new one to `address`."""
        async with self._dialling[peer]:
            return self.linked(peer) or self.serve(await self._endpoint.dial(address, LinkKind.BULK, peer))

    async def _run(self, link: Link, desk: BulkDesk) -> None:
        try:
            self._on_end(link, await desk.run())
        finally:
            del self._desks[link]
            await link.close()
