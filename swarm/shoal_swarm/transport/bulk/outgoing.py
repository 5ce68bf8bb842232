"""One outgoing transfer over a link: announces, sends what is granted, and waits for the last word."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, assert_never

from shoal_swarm.protocol.messages import CHUNK_BYTES, Chunk, Decline, Done, Grant, Withdraw
from shoal_swarm.transport.bulk.sending import Sending
from shoal_swarm.transport.bulk.source import Source
from shoal_swarm.transport.bulk.threads import begin_in_thread, in_thread
from shoal_swarm.transport.contract import Buffer, Link
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, TransferRefused, reason_of

Answer: TypeAlias = Grant | Done | Decline
_ANSWERS_WAITING_MAX: Final = 16


def nothing_to_report(_bytes_there: int) -> None:
    """For callers who don't watch."""


class Outgoing:
    """The sender's side of one transfer."""

    def __init__(
        self, link: Link, number: int, source: Source, limits: Limits, on_progress: Callable[[int], None]
    ) -> None:
        self._link = link
        self._source = source
        self._limits = limits
        self._on_progress = on_progress
        self._about = source.description.content.hex()
        self._sending = Sending(number, source.description, link.peer.identity.uri)
        self._answers: deque[Answer] = deque()
        self._error: LinkEnded | LinkRefused | None = None
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Send it; returns when the peer has it."""
        try:
            await self._announce()
            while not await self._go_on(await self._next_answer()):
                pass
        except TransferRefused as refusal:
            if refusal.reason in {Reason.GONE, Reason.STALLED}:
                await self._link.send(Withdraw(transfer=self._sending.number, reason=refusal.reason.value))
            raise

    def answer(self, answer: Answer) -> None:
        """What the receiver said."""
        if len(self._answers) >= _ANSWERS_WAITING_MAX:
            raise LinkRefused(Reason.OUT_OF_TURN, self._link.peer.identity.uri, "more answers than there are questions")
        self._answers.append(answer)
        self._news.set()

    def fail(self, error: LinkEnded | LinkRefused) -> None:
        """The link is over."""
        self._error = error
        self._news.set()

    async def _announce(self) -> None:
        payload = None
        if self._sending.travels_inside:
            payload = await in_thread(self._source.read, 0) if self._source.description.size else b""
        await self._link.send(self._sending.announcement, payload)

    async def _go_on(self, answer: Answer) -> bool:
        """Do what the receiver said; true when it has everything."""
        size = self._source.description.size
        match answer:
            case Done():
                self._on_progress(size)
                return True
            case Decline(reason=word):
                raise TransferRefused(reason_of(word, Reason.UNWANTED), self._about, "said by the receiver")
            case Grant() as grant:
                self._on_progress(min(size, grant.first * CHUNK_BYTES))
                await self._say_all(grant)
                return False
            case _:
                assert_never(answer)

    async def _say_all(self, grant: Grant) -> None:
        says = self._sending.granted(grant)
        chunks = [say.index for say in says if isinstance(say, Chunk)]
        step = self._limits.batch_chunks
        batches = deque(chunks[at : at + step] for at in range(0, len(chunks), step))
        reading = begin_in_thread(self._read, batches.popleft())
        read: deque[Buffer] = deque()
        for say in says:
            if not isinstance(say, Chunk):
                await self._link.send(say)
                continue
            if not read:
                read.extend(await reading)
                if batches:  # the next ones are read while these are on their way
                    reading = begin_in_thread(self._read, batches.popleft())
            await self._link.send(say, read.popleft())

    def _read(self, indexes: Sequence[int]) -> list[Buffer]:
        return [self._source.read(index) for index in indexes]

    async def _next_answer(self) -> Answer:
        while not self._answers:
            if self._error is not None:
                raise self._error
            self._news.clear()
            try:
                async with asyncio.timeout(self._limits.stall_s):
                    await self._news.wait()
            except TimeoutError as late:
                raise TransferRefused(Reason.STALLED, self._about, "the receiver asks for nothing more") from late
        return self._answers.popleft()
