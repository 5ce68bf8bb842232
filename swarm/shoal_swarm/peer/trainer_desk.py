"""The peer's half of the link to its trainer: one trainer at a time, and either side may come back at any moment.

    host ── train(order) ──►  files, Begin ──►  trainer
         ◄── Made ──────────  cut, encoded ◄──  Offer

What was said last and still holds is said again to a trainer that comes back: Begin until its offer was taken, Finish
until it is done. What a trainer shows at first, the description of its adapters, is kept on disk, so that a peer which
comes back can serve others before its trainer does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from shoal_base.errors import PeerRefused
from shoal_base.logs import get_log
from shoal_swarm.merge import Adapter, AdapterSpec, Piece, Plan, Value, cut, join, plan_pieces, unpack
from shoal_swarm.peer.contributing import Assignment, Bench, BytesMissing, Made, Read
from shoal_swarm.peer.late import Change, contributed, late_changes, with_late_work
from shoal_swarm.peer.ledger_lines import ledger_lines
from shoal_swarm.peer.trainer_line import TrainerLine
from shoal_swarm.protocol.digests import digest_of, list_root
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest
from shoal_swarm.trainer_link.messages import (
    TEXT_CHARACTERS_MAX,
    Begin,
    Declined,
    Done,
    Finish,
    FromTrainer,
    GoOn,
    Measured,
    Offer,
    Progress,
    Ready,
    Taken,
    TensorFile,
)
from shoal_swarm.trainer_link.tensors import drop_files, read_adapter, write_adapter, write_file

MEASURES_KEPT: Final = 4096
"""Metrics of so many adapters are remembered for people."""


class TrainerDesk:
    """Makes contributions by asking a trainer."""

    def __init__(self, line: TrainerLine, shown: Ready, plan: Plan, *, is_done: bool = False) -> None:
        self._line, self._spec = line, AdapterSpec.from_bytes(shown.adapter)
        self._plan, self._pieces = plan, plan_pieces(self._spec)
        self._order: Assignment | None = None
        self._offers: asyncio.Queue[Offer] = asyncio.Queue()
        self._made: dict[Digest, list[bytes]] = {}
        """What was made from the order's base, by root; the protocol looks after one of these at most."""
        self._done = asyncio.Event()
        if is_done:
            self._done.set()
        self._progress: Mapping[str, Any] = {}
        self._measured: dict[tuple[int, bool], Mapping[str, Any]] = {}
        self._log = get_log()
        line.attend(self._hear)

    @property
    def plan(self) -> Plan:
        """The rules of the run."""
        return self._plan

    @property
    def pieces(self) -> Sequence[Piece]:
        """The pieces of its adapters, in order."""
        return self._pieces

    async def train(self, order: Assignment, bench: Bench) -> Made | None:
        """Have the trainer work from a COMMIT to the next sync point."""
        before, made, self._order = self._order, self._made, order
        self._offers, self._made = asyncio.Queue(), {}
        begin = await bench.compute(lambda: self._begin(order, _beyond(before, made, order, bench.read), bench.read))
        if begin is None or self._order is not order:
            return None
        self._line.say_until_answered(begin)
        return await self._next(order, bench)

    async def train_on(self, steps: int, bench: Bench) -> Made | None:
        """Let the trainer go on from where it is."""
        order = self._order
        if order is None:
            return None
        self._line.say_until_answered(GoOn(base=order.base, steps=steps))
        return await self._next(order, bench)

    async def finish(self, order: Assignment, ledger: Sequence[LedgerEntry], bench: Bench) -> None:
        """Hand the result over, and wait until the trainer has written it."""
        self._order = order

        def write() -> Finish:
            lines = write_file(self._line.folder, "ledger.jsonl", ledger_lines(ledger))
            return Finish(round=order.base, merged=self._merged(order, bench.read), ledger=lines)

        said = await bench.compute(write)
        if said is not None:
            self._line.say_until_answered(said)
            await self._done.wait()

    def facts(self) -> Mapping[str, Any]:
        """How far the trainer is, and how good its adapters are."""
        return {
            "is_connected": self._line.is_connected,
            "progress": self._progress,
            "measured": list(self._measured.values()),
        }

    async def _next(self, order: Assignment, bench: Bench) -> Made | None:
        """The next offer that fits; a misfit is told to the trainer, whose next start may do better."""
        offers = self._offers
        while True:
            offer = await offers.get()
            found = await bench.compute(partial(self._payloads, order, offer, bench.read))
            if found is None or self._order is not order:
                return None
            if isinstance(found, str):
                self._log.error("offer_declined", sentence=found)
                self._line.say(Declined(sentence=found[:TEXT_CHARACTERS_MAX]))
                continue
            self._made[list_root(map(digest_of, found))] = found
            self._line.answered()
            self._line.say(Taken(base=offer.base, digest=offer.file.digest))
            return Made(found, offer.examples, offer.steps)

    def _hear(self, message: FromTrainer) -> None:
        match message:
            case Offer():
                if self._order is not None and message.base == self._order.base:
                    self._offers.put_nowait(message)
            case Progress():
                self._progress = {"base": message.base, "step": message.step, "steps": message.steps}
                self._progress |= {"loss": message.loss}
            case Measured():
                self._note(message)
            case Done():
                self._line.answered()
                self._done.set()
            case Ready():
                raise PeerRefused("A trainer introduces itself once on each connection.")

    def _note(self, measured: Measured) -> None:
        """A trainer that was away says everything again; each measure counts once, and the oldest go first."""
        key = (measured.round, measured.is_merged)
        fact = {"round": measured.round, "is_merged": measured.is_merged, "metrics": dict(measured.metrics)}
        if self._measured.get(key) != fact:
            self._log.info("adapter_measured", **fact)
        self._measured[key] = fact
        if len(self._measured) > MEASURES_KEPT:
            del self._measured[min(self._measured)]

    def _begin(self, order: Assignment, beyond: Sequence[Change], read: Read) -> Begin:
        """Write what the trainer starts from."""
        if order.base == BEFORE_ROUND_ZERO:
            return Begin(base=order.base, steps=0, last=False, merged=None, start=None)
        merged = self._merged(order, read)
        start = merged
        if order.late or beyond:
            values = [self._start(order, beyond, index, read) for index in range(len(self._pieces))]
            start = write_adapter(self._line.folder, f"start-{order.base}.safetensors", join(values, self._spec))
        drop_files(self._line.folder, ("merged-", "start-"), keep=(merged.name, start.name))
        return Begin(base=order.base, steps=order.steps, last=order.is_last, merged=merged, start=start)

    def _start(self, order: Assignment, beyond: Sequence[Change], index: int, read: Read) -> Value:
        piece, codec = self._pieces[index], self._plan.codec
        changes = late_changes(order.late, index, read)
        changes += beyond[index : index + 1]
        return with_late_work(piece, codec, unpack(piece, read(order.pieces[index]), codec), changes)

    def _merged(self, order: Assignment, read: Read) -> TensorFile:
        return write_adapter(self._line.folder, f"merged-{order.base}.safetensors", self._adapter(order.pieces, read))

    def _adapter(self, pieces: Sequence[Digest], read: Read) -> Adapter:
        values = [
            unpack(piece, read(digest), self._plan.codec) for piece, digest in zip(self._pieces, pieces, strict=True)
        ]
        return join(values, self._spec)

    def _payloads(self, order: Assignment, offer: Offer, read: Read) -> list[bytes] | str:
        """The payload of every piece; a sentence where the offer does not fit."""
        codec = self._plan.codec
        try:
            adapter = read_adapter(self._line.folder, offer.file, self._spec)
            bases: list[Value | None] = [None] * len(self._pieces)
            if order.pieces:
                found = zip(self._pieces, order.pieces, strict=True)
                bases = [unpack(piece, read(digest), codec) for piece, digest in found]
            values = zip(self._pieces, cut(adapter, self._spec), bases, strict=True)
            return [contributed(piece, codec, value, base) for piece, value, base in values]
        except PeerRefused as refusal:
            return str(refusal)


def _beyond(before: Assignment | None, made: dict[Digest, list[bytes]], order: Assignment, read: Read) -> list[Change]:
    """What the trainer did beyond the contribution that the protocol looks after, piece by piece; nothing if none.

    That is work from while no sentinel answered, or a contribution that the COMMIT overtook before it was frozen.
    """
    if before is None or before.base == BEFORE_ROUND_ZERO or not made or next(reversed(made)) == order.spoken_for:
        return []
    own, age = made[next(reversed(made))], order.base - before.base
    if order.spoken_for is not None:
        return [
            Change(new, old, age, from_commit=False)
            for new, old in zip(own, made.get(order.spoken_for, ()), strict=False)
        ]
    try:
        return [Change(new, read(old), age) for new, old in zip(own, before.pieces, strict=True)]
    except BytesMissing as missing:
        get_log().warning("work_abandoned", reason=str(missing))
        return []
