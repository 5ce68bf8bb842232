"""One incoming transfer over a link: takes its chunks, writes them many at a time, and grants more."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from shoal_swarm.protocol.messages import Announce, Chunk, Grant, Hashes
from shoal_swarm.transport.bulk.partial import Partial, Verifiable
from shoal_swarm.transport.bulk.receiving import Receiving
from shoal_swarm.transport.bulk.threads import in_thread
from shoal_swarm.transport.contract import Buffer
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import Reason


class Incoming:
    """The receiver's side of one transfer.

    Handing work to a thread and hearing that it is done costs as much as hashing half a chunk. So what comes is
    collected: until it is a batch, until nothing more may come, or for a moment.
    """

    def __init__(
        self, announce: Announce, partial: Partial, limits: Limits, about: str, say: Callable[[Grant], None]
    ) -> None:
        self.announce = announce
        self._receiving = Receiving(announce, partial.position, limits, about, time.monotonic())
        self._partial = partial
        self._limits = limits
        self._say = say
        self._waiting: list[Verifiable] = []
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._moment: asyncio.TimerHandle | None = None
        self._stopped = False
        self._settled = asyncio.Event()

    async def run(self) -> Path | None:
        """Write what comes until it is whole; where it lies, or None if it was stopped before."""
        try:
            while not self._receiving.complete:
                await self._ready.wait()
                batch = self._next_batch()
                if self._stopped and not batch:
                    return None
                await self._write(batch)
                self.grant()
            return await in_thread(self._partial.finish)
        finally:
            self.stop()
            self._waiting.clear()
            self._partial.close()
            self._settled.set()

    def stop(self) -> None:
        """Nothing more will come. What came is still written: whoever resumes gets on, however often links break."""
        self._stopped = True
        self._ready.set()
        self._room.set()

    async def settle(self) -> None:
        """Stop, and wait until what came is written."""
        self.stop()
        await self._settled.wait()

    def grant(self) -> None:
        """Let the sender send, as far as there is room."""
        grant = self._receiving.grant()
        if grant is not None:
            self._say(grant)

    def take_hashes(self, hashes: Hashes) -> None:
        """A list, or `LinkRefused`."""
        self._receiving.take_hashes(hashes)

    async def take_chunk(self, chunk: Chunk, payload: Buffer) -> None:
        """A chunk, or `LinkRefused`; waits while a whole batch waits for the disk."""
        self._waiting.append((payload, self._receiving.expect(chunk, len(payload))))
        if len(self._waiting) >= self._limits.batch_chunks or not self._receiving.awaits_more:
            self._ready.set()
        elif self._moment is None:
            self._moment = asyncio.get_running_loop().call_later(self._limits.batch_s, self._ready.set)
        while len(self._waiting) >= self._limits.batch_chunks and not self._stopped:
            self._room.clear()
            await self._room.wait()

    def too_slow(self, *, now: float) -> Reason | None:
        """Why the sender is given up, if it is."""
        return self._receiving.too_slow(now=now)

    def _next_batch(self) -> list[Verifiable]:
        if self._moment is not None:
            self._moment.cancel()
            self._moment = None
        batch, self._waiting = self._waiting, []
        if not self._stopped:
            self._ready.clear()
        self._room.set()
        return batch

    async def _write(self, batch: list[Verifiable]) -> None:
        await in_thread(self._partial.write, batch)
        self._receiving.written(len(batch), sum(len(data) for data, _ in batch), now=time.monotonic())
