"""The orders for the one thread that writes: carried out in their order, each with its answer.

What nobody needs any more is deleted when no order waits. The first failure ends the process, because what is on the
disk then is unknown; a new start finds out.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias, assert_never

from structlog.typing import FilteringBoundLogger

from shoal_base.errors import PlaceRefused, ShoalError
from shoal_swarm.peer.contributing import BytesMissing
from shoal_swarm.peer.places import Places
from shoal_swarm.peer.storage import StorageFailed
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.peer import events as on
from shoal_swarm.service.faults import Boundaries

Order: TypeAlias = do.KeepBlobs | do.DropBlobs | do.WriteBooks | do.AppendLedger
ORDERS_WAITING_MAX: Final = 1024
TIDIED_AT_ONCE: Final = 8
"""Deleting a file may take milliseconds; an order that comes meanwhile waits for no more than these."""
SURPLUS_MAX: Final = 1 << 14


class Disk:
    """One peer's writes."""

    def __init__(
        self, places: Places, boundaries: Boundaries, answer: Callable[[on.Event], None], log: FilteringBoundLogger
    ) -> None:
        self._places, self._boundaries, self._answer, self._log = places, boundaries, answer, log
        self.failure: ShoalError | None = None
        """Why nothing is written any more."""
        self._orders: asyncio.Queue[Order] = asyncio.Queue(ORDERS_WAITING_MAX)
        self._surplus: set[Digest] = set()
        """Blobs that nobody needs any more; touched by the disk's thread alone."""

    async def order(self, order: Order) -> None:
        """Have something written; waits while too much does."""
        await self._orders.put(order)

    async def carry_out_orders(self) -> None:
        """For as long as this process lives."""
        loop = asyncio.get_running_loop()
        while True:
            while self._orders.empty() and await loop.run_in_executor(self._places.disk, self._tidy):
                pass
            order = await self._orders.get()
            await self._boundaries.before(order)
            try:
                answer = await loop.run_in_executor(self._places.disk, self._carry_out, order)
            except (StorageFailed, BytesMissing) as failure:
                self.failed(failure)
                continue
            await self._boundaries.after(order)
            if answer is not None:
                self._answer(answer)

    def failed(self, failure: StorageFailed | BytesMissing) -> None:
        """What is on the disk now is unknown."""
        self.failure = failure if isinstance(failure, StorageFailed) else PlaceRefused(str(failure))
        self._answer(on.DiskFailed(str(failure)))

    async def ledger(self) -> tuple[LedgerEntry, ...]:
        """All that was decided, as it is kept here."""
        return await asyncio.get_running_loop().run_in_executor(self._places.disk, self._places.storage.read_ledger)

    def _carry_out(self, order: Order) -> on.Event | None:
        storage, read = self._places.storage, self._places.read
        match order:
            case do.KeepBlobs():
                self._surplus.difference_update(order.digests)
                storage.keep((digest, read(digest)) for digest in order.digests)
                return on.BlobsKept(order.digests)
            case do.DropBlobs():
                self._surplus.update(order.digests)
                while len(self._surplus) > SURPLUS_MAX:
                    self._tidy()
                return None
            case do.WriteBooks():
                storage.write_books(order.books)
                frozen = order.books.frozen
                if order.purpose == "frozen" and frozen is not None:
                    self._log.info("contribution_frozen", round=frozen.round, root=frozen.root.hex())
                return on.BooksKept()
            case do.AppendLedger():
                storage.append_ledger(order.entries)
                return on.LedgerKept(order.entries[-1].index + 1)
            case _:
                assert_never(order)

    def _tidy(self) -> bool:
        """Delete a few files of those that nobody needs; whether there are more. What is kept again was needed."""
        some = [self._surplus.pop() for _ in range(min(TIDIED_AT_ONCE, len(self._surplus)))]
        self._places.storage.drop(some)
        return self._places.spool.tidy(TIDIED_AT_ONCE) or bool(self._surplus)
