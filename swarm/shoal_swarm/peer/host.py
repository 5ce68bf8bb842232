"""Drives one peer: an event in, its effects carried out in their order, whatever blocks beside the loop.

links ──► inbox ──► PeerRun.handle ──► effects ─┬─► outbox to the sentinel
  ▲                    ▲                        ├─► exchange with other nodes
  │                    │                        ├─► orders, to the one thread that writes to the disk
  └────────────────────┴──── answers ◄──────────┴─► work, in the threads that compute
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar, assert_never

from shoal_base.errors import PeerRefused, ShoalError
from shoal_base.logs import get_log
from shoal_swarm.merge import MergeRefused
from shoal_swarm.peer.assigning import assignment
from shoal_swarm.peer.contributing import Assignment, BytesMissing, Contributor, Made
from shoal_swarm.peer.disk import Disk, Order
from shoal_swarm.peer.exchange import Exchange
from shoal_swarm.peer.merger import Merger
from shoal_swarm.peer.places import Places
from shoal_swarm.peer.stopwatch import Stopwatch
from shoal_swarm.peer.storage import StorageFailed
from shoal_swarm.protocol.digests import DIGEST_BYTES, digests_in, list_bytes, list_root
from shoal_swarm.protocol.messages import AnyMessage
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest, NodeName
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.peer import events as on
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import FromSentinel
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.inbox import Inbox
from shoal_swarm.service.outbox import Outbox

Answer = TypeVar("Answer")
Errand = (
    do.Send
    | do.Fetch
    | do.FetchList
    | do.DropInputs
    | do.Examine
    | do.MergeShare
    | do.MergeAhead
    | do.MeasureGram
    | do.Train
    | do.TrainOn
    | do.Stop
    | do.Alarm
)
"""What is handed on without waiting for its end."""
LINGER_S: Final = 2.0
"""After the end a peer stays for as long as others still fetch from it, and this much longer."""


class PeerHost:
    """One peer's process."""

    def __init__(
        self,
        run: PeerRun,
        places: Places,
        outbox: Outbox,
        contributor: Contributor,
        say: Callable[[str], None],
        boundaries: Boundaries,
    ) -> None:
        self.run, self._places, self.outbox, self.contributor, self._say = run, places, outbox, contributor, say
        self._boundaries = boundaries
        self.stopwatch: Stopwatch | None = None
        """Whoever notes what rounds cost, if anybody does."""
        self.ended = asyncio.Event()
        self.adapters: dict[int, str] = {}
        """Root of the adapter after every round that was applied since this start."""
        self._inbox: Inbox[on.Event] = Inbox()
        self._lists_asked: set[Digest] = set()
        self._is_finishing = False
        self._over_since: float | None = None
        self._refusal: PeerRefused | None = None
        self._log = get_log(node=str(run.knowledge.node), run=str(run.knowledge.rules.run))
        self._merger = Merger(contributor, places)
        self._disk = Disk(places, boundaries, self._inbox.answer, self._log)

    @property
    def problem(self) -> ShoalError | None:
        """Why the process has to end, where nobody asked it to."""
        return self._disk.failure or self._refusal

    async def hear(self, message: AnyMessage) -> None:
        """The sentinel said something."""
        if isinstance(message, FromSentinel):
            await self._inbox.hear(on.Received(message))

    def arrived(self, holder: NodeName, digests: tuple[Digest, ...]) -> None:
        """Contents came from a node and lie in the spool."""
        lists = tuple(digest for digest in digests if digest in self._lists_asked)
        self._lists_asked.difference_update(lists)
        for root in lists:
            content = self._places.spool.read(root)
            if content is None or len(content) % DIGEST_BYTES:
                self.failed(holder, (root,))
            else:
                self._inbox.answer(on.ListFetched(holder, root, tuple(digests_in(content))))
        rest = tuple(digest for digest in digests if digest not in lists)
        if rest:
            self._inbox.answer(on.Fetched(holder, rest))

    def failed(self, holder: NodeName, digests: tuple[Digest, ...]) -> None:
        """Contents did not come from a node."""
        self._inbox.answer(on.FetchFailed(holder, digests))

    async def read_to_serve(self, digests: Sequence[Digest]) -> Sequence[bytes | None]:
        """Bytes for another node: only what lies durably here, and of many only the first few."""
        try:
            found = await asyncio.to_thread(self._places.read_durable, digests)
        except StorageFailed as failure:
            self._disk.failed(failure)
            return [None] * len(digests)
        for digest, content in zip(digests, found, strict=False):
            if content is None and digest in self.run.knowledge.kept:
                self._inbox.answer(on.BlobLost(digest))
        return found

    def leave(self) -> None:
        """Somebody wants this process to end."""
        self._inbox.answer(on.Leaving())

    async def drive(self, exchange: Exchange) -> None:
        """Go on until the run asks to stop."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(exchange), name="ticks")
            tasks.create_task(self._disk.carry_out_orders(), name="disk")
            await self._perform_all(self.run.start(time.monotonic()), exchange, tasks)
            while True:
                event = await self._inbox.next()
                await self._perform_all(self.run.handle(event, time.monotonic()), exchange, tasks)
                self._tell(tasks)

    async def _tick(self, exchange: Exchange) -> None:
        while True:
            self._inbox.answer(on.Ticked())
            await asyncio.sleep(self.run.knowledge.timing.tick_s)
            if self._over_since is not None:
                quiet_since = max(self._over_since, exchange.served_at)
                if asyncio.get_running_loop().time() - quiet_since > LINGER_S:
                    self.leave()

    async def _perform_all(self, effects: list[do.Effect], exchange: Exchange, tasks: asyncio.TaskGroup) -> None:
        for effect in effects:
            if isinstance(effect, Order):  # its boundaries are at the disk
                await self._disk.order(effect)
                continue
            await self._boundaries.before(effect)
            await self._perform(effect, exchange, tasks)
            await self._boundaries.after(effect)

    async def _perform(  # noqa: C901, PLR0912 - one branch for each effect of the closed union
        self, effect: Errand, exchange: Exchange, tasks: asyncio.TaskGroup
    ) -> None:
        match effect:
            case do.Send():
                self.outbox.put(effect.message)
            case do.Fetch():
                exchange.fetch(effect.holder, effect.digests)
            case do.FetchList():
                await self._fetch_list(effect, exchange)
            case do.DropInputs():
                self._places.spool.drop(effect.digests)
            case do.Examine():
                tasks.create_task(self._examine(effect), name=f"examine {effect.input.node}")
            case do.MergeAhead():
                self._merger.ahead(effect.order, effect.offsets)
            case do.MergeShare():
                tasks.create_task(self._merge(effect), name=f"merge round {effect.round}")
            case do.MeasureGram():
                raise AssertionError("no plan of this build asks for a Gram matrix")
            case do.Train():
                self._places.spool.turn()
                self._train(effect, tasks)
            case do.TrainOn():
                working = self.contributor.train_on(effect.steps, self)
                tasks.create_task(self._offer(working, self.run.knowledge.books.applied), name="train on")
            case do.Stop():
                self._stop(effect.reason)
            case do.Alarm():
                self._log.error("alarm_raised", sentence=effect.sentence)
            case _:
                assert_never(effect)

    async def _fetch_list(self, effect: do.FetchList, exchange: Exchange) -> None:
        if effect.holder != self.run.knowledge.node:
            self._lists_asked.add(effect.root)
            exchange.fetch(effect.holder, (effect.root,))
            return
        (content,) = await self.read_to_serve((effect.root,))
        if content is None:
            self.failed(effect.holder, (effect.root,))
        else:
            self._inbox.answer(on.ListFetched(effect.holder, effect.root, tuple(digests_in(content))))

    async def _merge(self, effect: do.MergeShare) -> None:
        pieces = await self._unless_refused(self._merger.merged(effect))
        if pieces is not None:
            self._log.info("share_merged", round=effect.round, attempt=effect.attempt, pieces=len(pieces))
            self._inbox.answer(on.ShareMerged(effect.round, effect.attempt, pieces))

    async def _examine(self, effect: do.Examine) -> None:
        async def examine() -> on.Examined:
            problem = await self._merger.problem(effect)
            return on.Examined(effect.round, effect.attempt, effect.input.root, effect.offsets, problem)

        examined = await self._unless_refused(examine())
        if examined is not None:
            self._inbox.answer(examined)

    def _train(self, effect: do.Train, tasks: asyncio.TaskGroup) -> None:
        """Have a contribution made, as long as there is a round that it could go into."""
        if effect.base >= self.run.knowledge.rules.rounds:
            return
        self._note(started=effect.base + 1)
        working = self.contributor.train(assignment(self.run.knowledge, effect), self)
        tasks.create_task(self._offer(working, effect.base), name=f"train from {effect.base}")

    async def _offer(self, working: Awaitable[Made | None], base: int) -> None:
        folds = self.run.knowledge.books.carried_roots
        made = await working
        pieces = None if made is None else await self.compute(lambda: self._spooled(made.payloads))
        if made is not None and pieces is not None:
            self._log.info("contribution_offered", round=base + 1)
            self._note(offered=base + 1)
            self._inbox.answer(on.Offered(base, list_root(pieces), pieces, made.examples, made.steps, folds))

    def read(self, digest: Digest) -> bytes:
        """Bytes of a piece, for whoever contributes."""
        return self._places.read(digest)

    async def compute(self, work: Callable[[], Answer]) -> Answer | None:
        """A result of the computing thread; None where bytes or values stood in the way, which is said."""
        return await self._unless_refused(asyncio.get_running_loop().run_in_executor(self._places.work, work))

    async def _unless_refused(self, working: Awaitable[Answer]) -> Answer | None:
        try:
            return await working
        except BytesMissing as missing:
            self._inbox.answer(on.BlobLost(missing.digest))
        except StorageFailed as failure:
            self._disk.failed(failure)
        except (MergeRefused, PeerRefused) as refusal:
            self._log.error("alarm_raised", sentence=str(refusal))
        return None

    def _spooled(self, payloads: list[bytes]) -> tuple[Digest, ...]:
        pieces = tuple(self._places.spool.put(payload) for payload in payloads)
        self._places.spool.put(list_bytes(pieces))
        return pieces

    def _stop(self, reason: str) -> None:
        self._log.info("stopped", reason=reason)
        if self.problem is None and self._over_since is None:
            self._refusal = PeerRefused(reason)
        self.ended.set()

    def _tell(self, tasks: asyncio.TaskGroup) -> None:
        """Say what was applied, and notice the end of the run."""
        knowledge = self.run.knowledge
        applied = knowledge.books.applied
        self._note()
        if applied != BEFORE_ROUND_ZERO and applied not in self.adapters:
            pieces = knowledge.pieces_of_commit(knowledge.commits[applied])
            if pieces is not None:
                self.adapters[applied] = list_root(pieces).hex()
                self._log.info("round_applied", round=applied)
                self._note(applied=applied)
                self._say(f"round {applied}: adapter {self.adapters[applied]}")
        record = knowledge.record
        is_over = record is not None and record.phase is Phase.ENDED and record.committed == applied
        # The whole ledger is part of the result, so its last entries have to be on the disk as well.
        if is_over and knowledge.ledger_kept == len(knowledge.heads) and not self._is_finishing:
            self._is_finishing = True
            tasks.create_task(self._finish(), name="finish")

    def _note(self, **happened: int) -> None:
        if self.stopwatch is not None:
            self.stopwatch.look(self.run.knowledge, time.monotonic(), happened)

    async def _finish(self) -> None:
        """Hand the result to whoever contributed; from then on this process may end."""
        knowledge = self.run.knowledge
        pieces = knowledge.pieces_of_commit(knowledge.commits[knowledge.books.applied])
        assert pieces is not None, "what was applied is complete"
        result = Assignment(base=knowledge.books.applied, pieces=pieces, steps=0)
        await self.contributor.finish(result, await self._disk.ledger(), self)
        self._over_since = asyncio.get_running_loop().time()
