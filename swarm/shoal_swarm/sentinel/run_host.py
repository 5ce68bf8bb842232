"""Drives one run: an event in, its effects carried out in their order, their answers before the next event."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final, TypeVar, assert_never

from shoal_base.errors import InputRefused, Unavailable
from shoal_base.logs import get_log
from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.membership import Leases
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Record
from shoal_swarm.protocol.round_messages import FromNode, FromSentinel, LedgerPart
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.sentinel import effects as do
from shoal_swarm.protocol.sentinel import events as on
from shoal_swarm.protocol.sentinel.run import SentinelRun
from shoal_swarm.sentinel.records import Records
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.inbox import Inbox
from shoal_swarm.service.vouchers import Vouching
from shoal_swarm.service.weighing import weigh_by_examples

Say = Callable[[NodeName, FromSentinel], None]
Answer = TypeVar("Answer")
_NOTHING: Final[Sequence[on.Event]] = ()


class RunHost:
    """One run at one sentinel."""

    def __init__(
        self,
        rules: RunRules,
        timing: Timing,
        vouching: Vouching,
        records: Records,
        books: Executor,
        say: Say,
        boundaries: Boundaries,
    ) -> None:
        self.rules, self._timing, self._records, self._books, self._say = rules, timing, records, books, say
        self._vouching, self._boundaries = vouching, boundaries
        self._inbox: Inbox[on.Event] = Inbox()
        self._run: SentinelRun | None = None
        self._log = get_log(run=str(rules.run))
        self.problems: tuple[str, ...] = ()
        """What stands in the way now."""

    async def open(self) -> None:
        """Take up the run where the register left it, or begin it."""
        written = await self._beside(self._records.read)
        if written is not None and written.config_hash != self.rules.config_hash:
            raise InputRefused(
                f"Run {self.rules.run} was created with configuration {written.config_hash.hex()[:12]}, and these "
                f"options spell {self.rules.config_hash.hex()[:12]}. Repeat the first options, or choose another name."
            )
        now = time.monotonic()
        self._run = SentinelRun(
            rules=self.rules,
            timing=self._timing,
            weigh=weigh_by_examples,
            sign=self._vouching.sign,
            verify=self._vouching.verify,
            leases=Leases(self._timing, now),
            written=written,
            since=now,
        )

    @property
    def run(self) -> SentinelRun:
        """The decisions, for who wants to look at them."""
        assert self._run is not None, "a run is opened before it is asked about"
        return self._run

    async def hear(self, sender: NodeName, message: FromNode) -> None:
        """A node said something about this run."""
        await self._inbox.hear(on.Received(sender, message))

    def expel(self, node: NodeName) -> None:
        """A node's certificate was revoked."""
        self._inbox.answer(on.Expelled(node))

    async def drive(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name=f"ticks of {self.rules.run}")
            while True:
                await self._handle(await self._inbox.next())

    async def _tick(self) -> None:
        while True:
            self._inbox.answer(on.Ticked())
            await asyncio.sleep(self._timing.tick_s)

    async def _handle(self, event: on.Event) -> None:
        waiting = deque([event])
        while waiting:
            for effect in self.run.handle(waiting.popleft(), time.monotonic()):
                await self._boundaries.before(effect)
                answers = await self._perform(effect)
                await self._boundaries.after(effect)
                waiting.extend(answers)

    async def _perform(self, effect: do.Effect) -> Sequence[on.Event]:
        match effect:
            case do.Send():
                self._say(effect.to, effect.message)
                return _NOTHING
            case do.SendLedger():
                entries = await self._beside(self._records.page, effect.after)
                if entries:
                    self._say(effect.to, LedgerPart(run=self.rules.run, entries=entries))
                return _NOTHING
            case do.IssueIncarnation():
                return await self._issue(effect)
            case do.WriteRecord():
                answer = await self._beside(self._records.write, effect)
                self.problems = (answer.reason,) if isinstance(answer, on.WriteFailed) else ()
                if isinstance(answer, on.WriteWon):
                    self._tell(effect.record)
                return (answer,)
            case do.ReadLedger():
                return (await self._beside(self._records.ledger, effect.after),)
            case do.Alarm():
                self._log.error("alarm_raised", sentence=effect.sentence)
                return _NOTHING
            case _:
                assert_never(effect)

    async def _issue(self, effect: do.IssueIncarnation) -> Sequence[on.Event]:
        try:
            return (await self._beside(self._records.issue, effect.node, effect.boot_nonce),)
        except (InputRefused, Unavailable) as problem:  # the node asks again on its next tick
            self._log.warning("hello_refused", node=str(effect.node), problem=str(problem))
            return _NOTHING

    def _tell(self, record: Record) -> None:
        self._log.info(
            "record_written",
            version=record.version,
            phase=record.phase.value,
            round=record.round,
            attempt=record.attempt,
            committed=record.committed,
        )

    async def _beside(self, work: Callable[..., Answer], *facts: object) -> Answer:
        """A call that blocks, in the register's own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._books, work, *facts)
