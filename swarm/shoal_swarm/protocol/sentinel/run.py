"""One run, as one sentinel sees it.

The sentinel decides nothing that it has not written: it proposes a decision, the register accepts it by
compare-and-set or shows what somebody else decided first, and only then anybody is told. Whatever it keeps
besides the record is hearsay that nodes repeat every tick, so a sentinel may be killed at any moment and
another may take its place, or work beside it.
"""

from dataclasses import dataclass, field
from typing import assert_never

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.decisions import Admitted, Created, Decision
from shoal_swarm.protocol.joining import differences
from shoal_swarm.protocol.ledger import LedgerEntry, sealed
from shoal_swarm.protocol.membership import Leases
from shoal_swarm.protocol.names import NO_DIGEST, NodeName
from shoal_swarm.protocol.record import RECORD_BYTES_MAX, Phase, Record, after, folded, record_bytes
from shoal_swarm.protocol.round_messages import LedgerPart, TurnedDown
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.sentinel.applicant import Applicant
from shoal_swarm.protocol.sentinel.collected import Collected
from shoal_swarm.protocol.sentinel.effects import Alarm, Effect, IssueIncarnation, ReadLedger, Send, WriteRecord
from shoal_swarm.protocol.sentinel.events import (
    Event,
    Expelled,
    IncarnationIssued,
    LedgerRead,
    Received,
    Ticked,
    WriteFailed,
    WriteLost,
    WriteWon,
)
from shoal_swarm.protocol.sentinel.hearing import hear, remind, welcome
from shoal_swarm.protocol.sentinel.rounds import ROUNDS, STRIKES_ROUNDS
from shoal_swarm.protocol.signed import Sign, SignedManifest, Verify
from shoal_swarm.protocol.weighing import Weigh


@dataclass(slots=True)
class SentinelRun:
    """The decisions of one sentinel about one run."""

    rules: RunRules
    timing: Timing
    weigh: Weigh
    sign: Sign
    verify: Verify
    leases: Leases
    written: Record | None
    """The record as last seen in the register; None before the run is created."""
    since: float
    """When this sentinel saw the phase begin, on its own clock."""
    collected: Collected = field(default_factory=lambda: Collected(-1, 0))
    applicants: dict[NodeName, Applicant] = field(default_factory=dict)
    addresses: dict[NodeName, str] = field(default_factory=dict)
    ready: dict[NodeName, int] = field(default_factory=dict)
    """For which round each node last said that it is ready."""
    ready_s: dict[NodeName, float] = field(default_factory=dict)
    """How long each took since the COMMIT, where this sentinel saw that COMMIT itself."""
    strikes: dict[NodeName, int] = field(default_factory=dict)
    """How often each owner held up an attempt lately; a hint for choosing owners that may be lost."""
    turned_down: dict[NodeName, TurnedDown] = field(default_factory=dict)
    """The last contribution of each node that an owner refused, and why."""
    two_faced: dict[NodeName, tuple[SignedManifest, SignedManifest]] = field(default_factory=dict)
    """The last two contributions to one round that a node signed: evidence that anybody can check."""
    expelled: set[NodeName] = field(default_factory=set)
    """Nodes whose certificate was revoked, until they are welcomed with another one."""
    is_news: bool = False
    """Whether a message changed anything that a decision may depend on; most repeat what is known."""
    _pending: tuple[Record, LedgerEntry] | None = None
    _is_resting: bool = False
    """Until the next tick, after the register failed."""
    _failure: str = ""
    """Why it failed last, if it has taken no write since."""
    _saw_commit_at: float | None = None
    _behind: int = 0

    @property
    def record(self) -> Record:
        """The record of a run that exists."""
        assert self.written is not None, "asked only after Created"
        return self.written

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in one event; what follows is to be done in this order."""
        self._wake(self.leases.slept_s(now))
        self.is_news = not isinstance(event, Received)
        effects = self._take_in(event, now)
        return effects + (self._propose(now) if self.is_news else [])

    def ready_nodes(self, now: float) -> list[NodeName]:
        """Admitted nodes that were heard within one lease and can contribute to the next round."""
        due = self.record.committed + 1
        return [n for n in self.record.admitted if self.ready.get(n) == due and self.leases.is_fresh(n, now)]

    def complete(self) -> list[NodeName]:
        """Who may be in the cut."""
        return self.collected.complete(self.record.expected, self.record.shares)

    def is_over(self) -> bool:
        """Whether the last round is committed."""
        return self.record.committed >= self.rules.rounds

    def note_ready(self, node: NodeName, round_index: int, now: float) -> None:
        """A node can contribute to this round; how long it took feeds the next deadlines."""
        self.is_news |= self.ready.get(node) != round_index
        self.ready[node] = round_index
        if self._saw_commit_at is not None and round_index == self.record.committed + 1:
            self.ready_s.setdefault(node, now - self._saw_commit_at)

    def note_version(self, version: int) -> None:
        """A node's ledger is this long; if the register's is shorter, somebody else has written."""
        self._behind = max(self._behind, version)

    def _wake(self, slept_s: float) -> None:
        """Deadlines stand still while this process sleeps, as leases do."""
        self.since += slept_s
        if self._saw_commit_at is not None:
            self._saw_commit_at += slept_s

    def _take_in(  # noqa: PLR0911 - one branch for each event of the closed union
        self, event: Event, now: float
    ) -> list[Effect]:
        match event:
            case Received():
                return hear(self, event.sender, event.message, now)
            case IncarnationIssued():
                return welcome(self, event, now)
            case Expelled():
                return self._expel(event.node)
            case WriteWon():
                return self._won(event, now)
            case WriteLost() | LedgerRead():
                if isinstance(event, WriteLost):  # reading proves nothing about a write that is under way
                    self._pending = None
                return self._learn(event.entries, now)
            case WriteFailed():
                return self._failed(event)
            case Ticked():
                self._is_resting = False
                self.leases.tick(now)
                return [*remind(self, now), *(self._look() if self._must_look() else [])]
            case _:
                assert_never(event)

    def _failed(self, event: WriteFailed) -> list[Effect]:
        """What became of the write is unknown, so look; and wait for a tick, for a full disk stays full for a while."""
        self._pending, self._is_resting = None, True
        is_new, self._failure = event.reason != self._failure, event.reason
        alarm: list[Effect] = [Alarm(f"The register did not take a write, which is tried again: {event.reason}")]
        return [*(alarm if is_new else []), *self._look()]

    def _expel(self, node: NodeName) -> list[Effect]:
        self.expelled.add(node)
        self.leases.leave(node)
        self.ready.pop(node, None)
        self.collected.expel(node)
        self.is_news = True
        return [Alarm(f"The certificate of {node} was revoked: it is out, and so is its work that is not committed.")]

    def _propose(self, now: float) -> list[Effect]:
        if self._pending is not None or self._is_resting:
            return []
        decision = self._next_decision(now)
        return [] if decision is None else self._write(decision)

    def _next_decision(self, now: float) -> Decision | None:
        if self.written is None:
            return Created(run=self.rules.run, config_hash=self.rules.config_hash)
        for node, applicant in self.applicants.items():
            if applicant.incarnation is not None and node not in self.record.admitted:
                return Admitted(node=node, fit=applicant.fit)
        due = ROUNDS.due(self, self.record.phase, now)
        return None if due is None else due[1]

    def _write(self, decision: Decision) -> list[Effect]:
        version, head = (0, NO_DIGEST) if self.written is None else (self.written.version, self.written.head)
        entry = sealed(decision, version, head, self.sign)
        record = after(self.written, entry)
        size = len(record_bytes(record))
        if size > RECORD_BYTES_MAX:
            return [Alarm(f"The record would have {size} bytes, more than {RECORD_BYTES_MAX}. Admit fewer nodes.")]
        self._pending = (record, entry)
        return [WriteRecord(version, record, (entry,))]

    def _won(self, event: WriteWon, now: float) -> list[Effect]:
        if self._pending is None or self._pending[0].head != event.head:
            return []
        record, entry = self._pending
        self._pending, self._failure = None, ""
        if self.written is None or self.written.version < record.version:
            self._stand(record, now, saw=True)
        part = LedgerPart(run=self.rules.run, entries=(entry,))
        effects: list[Effect] = [Send(node, part) for node in self.leases.known()]
        return effects + self._admit_waiting(now)

    def _learn(self, entries: tuple[LedgerEntry, ...], now: float) -> list[Effect]:
        version = 0 if self.written is None else self.written.version
        new = [entry for entry in entries if entry.index >= version]
        record = folded(new, self.written)
        if record is None or not new:
            return self._warn_if_behind(version)
        self._stand(record, now, saw=len(new) == 1)
        return self._admit_waiting(now)

    def _stand(self, record: Record, now: float, *, saw: bool) -> None:
        before = self.written
        self.written = record
        misfits = [node for node, one in self.applicants.items() if differences(record.fit, one.fit)]
        for node in misfits:  # they applied together with the first one, who has decided meanwhile
            del self.applicants[node]
        if before is not None and (before.phase, before.attempt_key()) == (record.phase, record.attempt_key()):
            return
        self.since = now
        if self.collected.round != record.round:
            self.collected = Collected(record.round, record.attempt)
        elif self.collected.attempt != record.attempt:
            self.collected = self.collected.next_attempt(record.attempt)
        if record.phase is Phase.COMMITTED:
            self._saw_commit_at = now if saw else None
            self.ready_s.clear()
            for share in record.shares:
                self.strikes.pop(share.owner, None)
            if record.round % STRIKES_ROUNDS == 0:
                self.strikes = {node: count - 1 for node, count in self.strikes.items() if count > 1}

    def _admit_waiting(self, now: float) -> list[Effect]:
        waiting = [(node, one) for node, one in self.applicants.items() if node in self.record.admitted]
        effects: list[Effect] = []
        for node, applicant in waiting:
            if applicant.incarnation is not None:
                issued = IncarnationIssued(node, applicant.boot_nonce, applicant.incarnation)
                effects += welcome(self, issued, now)
        return effects

    def _must_look(self) -> bool:
        return self.written is None or self._behind > self.written.version

    def _look(self) -> list[Effect]:
        return [ReadLedger(0 if self.written is None else self.written.version)]

    def _warn_if_behind(self, version: int) -> list[Effect]:
        if self._behind <= version:
            return []
        claimed, self._behind = self._behind, version
        return [
            Alarm(
                f"A node's ledger has {claimed} entries, the register's only {version}. If the register was restored "
                "from an old copy, stop this sentinel and rebuild the register from nodes' ledgers."
            )
        ]

    def apply_for(self, node: NodeName, applicant: Applicant) -> Effect:
        """Take note of a process that wants in, and ask the register for its number."""
        self.applicants[node] = applicant
        return IssueIncarnation(node, applicant.boot_nonce)
