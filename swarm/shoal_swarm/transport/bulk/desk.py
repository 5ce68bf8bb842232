"""Everything that is sent and received over one bulk link: the shell around `Sending` and `Receiving`.

One loop reads the link. Each incoming transfer has a task that writes its chunks; when the disk is slow, that one's
queue fills, then the loop waits, libzmq's queue fills, and the sender waits. Outgoing transfers are tasks of
whoever calls `send`.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shoal_base.logs import get_log
from shoal_swarm.protocol.messages import (
    CHUNK_BYTES,
    Announce,
    Chunk,
    Decline,
    Done,
    Grant,
    Hashes,
    Ping,
    Pong,
    Withdraw,
)
from shoal_swarm.transport.bulk.hooks import (
    Delivery,
    OnDelivery,
    OnMessage,
    Wants,
    ignore,
    knows_nothing_else,
    wants_anything,
)
from shoal_swarm.transport.bulk.incoming import Incoming
from shoal_swarm.transport.bulk.outbox import Outbox
from shoal_swarm.transport.bulk.outgoing import Outgoing, nothing_to_report
from shoal_swarm.transport.bulk.source import Source
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.bulk.threads import in_thread, opened_in_thread
from shoal_swarm.transport.bulk.tree import digest_of
from shoal_swarm.transport.chores import Chores
from shoal_swarm.transport.contract import Buffer, Link, Parcel
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, TransferRefused

_DROPPED_REMEMBERED_MAX: Final = 64
_MESSAGES_BESIDE_CHUNKS: Final = 3


class BulkDesk:
    """The transfers of one link; `run` must be running while `send` is used. Without a store it takes nothing.

    `on_message` hears whatever else is said on the link, and tells whether it was meant for it; until it has told,
    nothing more is read, so whoever sends has to wait.
    """

    def __init__(
        self,
        link: Link,
        store: Store | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        wants: Wants = wants_anything,
        on_delivery: OnDelivery = ignore,
        on_message: OnMessage = knows_nothing_else,
    ) -> None:
        self.link = link
        self._store = store
        self._limits = limits
        self._wants = wants
        self._on_delivery = on_delivery
        self._on_message = on_message
        self._about = link.peer.identity.uri
        self._log = get_log(peer=self._about)
        self._incoming: dict[int, Incoming] = {}
        self._dropped: OrderedDict[int, int] = OrderedDict()
        self._outgoing: dict[int, Outgoing] = {}
        self._places = asyncio.Semaphore(limits.transfers_out_max)
        self._next_number = 0
        self._outbox = Outbox(link)
        self._chores = Chores()
        self._judged = asyncio.Event()
        self._verdict: LinkEnded | LinkRefused | None = None
        self._used_at = time.monotonic()

    async def run(self) -> LinkEnded | LinkRefused:
        """Serve the link until it ends; how it ended."""
        error: LinkEnded | LinkRefused = LinkEnded(Reason.CLOSED, self._about)
        self._chores.begin(self._outbox.run(), f"answers to {self._about}")
        self._chores.begin(self._look_around(), f"pace of {self._about}")
        try:
            error = await self._part(await self._read_until_judged())
        finally:
            for outgoing in self._outgoing.values():
                outgoing.fail(error)
            for incoming in tuple(self._incoming.values()):
                await incoming.settle()
            await self._chores.close()
        return error

    async def _read_until_judged(self) -> LinkEnded | LinkRefused:
        async with asyncio.TaskGroup() as tasks:
            reading, judging = tasks.create_task(self._read()), tasks.create_task(self._judged.wait())
            await asyncio.wait({reading, judging}, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            judging.cancel()
        return self._verdict or reading.result()

    async def _read(self) -> LinkEnded | LinkRefused:
        try:
            while True:
                await self._handle(await self.link.receive())
        except (LinkEnded, LinkRefused) as end:
            return end

    async def _part(self, end: LinkEnded | LinkRefused) -> LinkEnded | LinkRefused:
        if isinstance(end, LinkRefused):
            return await self.link.refuse(end.reason, end.detail)
        await self.link.close(end.reason)
        return end

    def _judge(self, verdict: LinkEnded | LinkRefused) -> None:
        """The link ends; nobody but `run` closes it, because whoever it stops must not be in the middle of that."""
        self._verdict = self._verdict or verdict
        self._judged.set()

    async def send(self, source: Source, on_progress: Callable[[int], None] = nothing_to_report) -> None:
        """Send a content; returns when the peer has it, verified and durable."""
        async with self._places:
            self._used_at = time.monotonic()
            number, self._next_number = self._next_number, self._next_number + 1
            outgoing = Outgoing(self.link, number, source, self._limits, on_progress)
            self._outgoing[number] = outgoing
            try:
                await outgoing.run()
            finally:
                del self._outgoing[number]

    async def _look_around(self) -> None:
        limits = self._limits
        while True:
            await asyncio.sleep(min(limits.stall_s, limits.pace_window_s, limits.bulk_idle_s) / 4)
            try:
                self._give_up_the_slow()
            except LinkRefused as refusal:
                self._judge(refusal)
            self._leave_if_idle()

    async def _handle(self, parcel: Parcel) -> None:  # noqa: C901 - one branch for each message of a bulk link
        match parcel.message:
            case Announce() as announce:
                await self._take_announcement(announce, parcel.payload)
            case Hashes(transfer=number) as hashes:
                if incoming := self._find(number):
                    incoming.take_hashes(hashes)
            case Chunk(transfer=number) as chunk:
                if incoming := self._find(number):
                    assert parcel.payload is not None, "customs let no chunk pass without its payload"
                    await incoming.take_chunk(chunk, parcel.payload)
            case Withdraw(transfer=number, reason=word):
                if number in self._incoming:
                    self._log.info("transfer_withdrawn", transfer=number, reason=word)
                    self._drop(number)
            case Grant(transfer=number) | Done(transfer=number) | Decline(transfer=number) as answer:
                self._take_answer(number, answer)
            case Ping(number=number):
                self._outbox.say(Pong(number=number), parcel.payload)
            case other:
                if not await self._on_message(self.link, other, parcel.payload):
                    raise self._out_of_turn(type(other).__name__)
                self._used_at = time.monotonic()

    async def _take_announcement(self, announce: Announce, payload: Buffer | None) -> None:
        number, store = announce.transfer, self._store
        self._used_at = time.monotonic()
        if number in self._incoming:
            raise self._out_of_turn(f"transfer {number} announced twice")
        if (announce.size <= CHUNK_BYTES) is (payload is None) or len(payload or b"") not in {0, announce.size}:
            raise LinkRefused(Reason.PAYLOAD_MISPLACED, self._about, f"{announce.size} bytes announced")
        try:
            if payload is not None and digest_of(payload) != announce.content:
                raise LinkRefused(Reason.WRONG_HASH, self._about, "the payload of an announcement")
            self._check_wanted(announce)
            if store is None:
                raise TransferRefused(Reason.UNWANTED, announce.content.hex())  # noqa: TRY301 - declined below
            if store.has(announce.content):
                self._outbox.say(Done(transfer=number))
            elif payload is not None:
                self._deliver(announce, await in_thread(store.put, announce.content, payload))
            else:
                partial = await opened_in_thread(store.begin, announce)
                incoming = Incoming(announce, partial, self._limits, self._about, self._outbox.say)
                self._incoming[number] = incoming
                incoming.grant()
                self._chores.begin(self._receive(incoming), f"{announce.content.hex()} from {self._about}")
        except TransferRefused as refusal:
            self._decline(number, refusal.reason)

    def _check_wanted(self, announce: Announce) -> None:
        about = announce.content.hex()
        if announce.size > self._limits.transfer_bytes_max:
            raise TransferRefused(Reason.TOO_LARGE, about, f"{announce.size} bytes")
        if len(self._incoming) >= self._limits.transfers_in_max:
            raise TransferRefused(Reason.TOO_MANY_TRANSFERS, about)
        reason = self._wants(self.link, announce)
        if reason is not None:
            raise TransferRefused(reason, about)

    async def _receive(self, incoming: Incoming) -> None:
        announce = incoming.announce
        try:
            path = await incoming.run()
            if path is not None and self._still_takes(incoming):
                del self._incoming[announce.transfer]
                self._deliver(announce, path)
        except LinkRefused as refusal:
            self._judge(refusal)
        except TransferRefused as refusal:
            if refusal.reason is Reason.WRONG_HASH:
                self._judge(LinkRefused(refusal.reason, self._about, refusal.detail))
            elif self._still_takes(incoming):
                self._decline(announce.transfer, refusal.reason)

    def _still_takes(self, incoming: Incoming) -> bool:
        return self._incoming.get(incoming.announce.transfer) is incoming

    def _deliver(self, announce: Announce, path: Path) -> None:
        self._on_delivery(Delivery(self.link, announce.content, announce.size, path))
        self._outbox.say(Done(transfer=announce.transfer))

    def _decline(self, number: int, reason: Reason) -> None:
        self._log.info("transfer_declined", transfer=number, reason=reason.value)
        if number in self._incoming:
            self._drop(number)
        self._outbox.say(Decline(transfer=number, reason=reason.value))

    def _give_up_the_slow(self) -> None:
        now = time.monotonic()
        for number, incoming in tuple(self._incoming.items()):
            reason = incoming.too_slow(now=now)
            if reason is not None:
                self._decline(number, reason)

    def _leave_if_idle(self) -> None:
        now = time.monotonic()
        if self._incoming or self._outgoing or self._outbox:
            self._used_at = now
        elif now - self._used_at > self._limits.bulk_idle_s:
            self._judge(LinkEnded(Reason.IDLE, self._about))

    def _drop(self, number: int) -> None:
        """What was granted may still be on its way and is not held against the peer."""
        self._incoming.pop(number).stop()
        self._dropped[number] = self._limits.window_chunks + _MESSAGES_BESIDE_CHUNKS
        if len(self._dropped) > _DROPPED_REMEMBERED_MAX:
            self._dropped.popitem(last=False)

    def _find(self, number: int) -> Incoming | None:
        if number in self._incoming:
            return self._incoming[number]
        left = self._dropped.get(number, 0)
        if not left:
            raise self._out_of_turn(f"transfer {number} was not announced")
        self._dropped[number] = left - 1
        return None

    def _take_answer(self, number: int, answer: Grant | Done | Decline) -> None:
        if number >= self._next_number:
            raise self._out_of_turn(f"an answer to transfer {number}, which was never announced")
        if number in self._outgoing:
            self._outgoing[number].answer(answer)

    def _out_of_turn(self, detail: str) -> LinkRefused:
        return LinkRefused(Reason.OUT_OF_TURN, self._about, detail)
