"""The simulated register: one durable record, its ledger and its members, behind a slow and forgetful line."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.membership import Member, issue
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Record
from shoal_swarm.protocol.sentinel.effects import WriteRecord
from shoal_swarm.protocol.sentinel.events import Event, IncarnationIssued, LedgerRead, WriteFailed, WriteLost, WriteWon

LEDGER_PAGE = 64


@dataclass(slots=True)
class Register:
    """What survives every sentinel."""

    rng: Random
    later: Callable[..., None]
    on_entry: Callable[[LedgerEntry, Record], None]
    record: Record | None = None
    ledger: list[LedgerEntry] = field(default_factory=list)
    members: dict[NodeName, Member] = field(default_factory=dict)
    silence: float = 0.0
    """How often an answer is lost after the work was done, or before."""

    def write(self, effect: WriteRecord, answer: Callable[[Event], None]) -> None:
        """Compare and set, later; the answer comes later still."""
        if self.rng.random() < self.silence / 2:
            self._answer(answer, WriteFailed("the register timed out"))
            return
        self.later(self._wait_s(), self._write, effect, answer)

    def read(self, after: int, answer: Callable[[Event], None]) -> None:
        """The ledger beyond a version."""
        self.later(self._wait_s(), lambda: self._answer(answer, LedgerRead(tuple(self.ledger[after:]))))

    def issue(self, node: NodeName, boot_nonce: str, answer: Callable[[Event], None]) -> None:
        """Number a process."""
        member = issue(self.members.get(node), node, boot_nonce)
        self.members[node] = member
        self._answer(answer, IncarnationIssued(node, boot_nonce, member.incarnation(boot_nonce)))

    def page(self, after: int) -> tuple[LedgerEntry, ...]:
        """What is sent to a node at once."""
        return tuple(self.ledger[after : after + LEDGER_PAGE])

    def _write(self, effect: WriteRecord, answer: Callable[[Event], None]) -> None:
        version = 0 if self.record is None else self.record.version
        if effect.expected_version != version:
            self._answer(answer, WriteLost(tuple(self.ledger[effect.expected_version :])))
            return
        self.commit(effect)
        lost = self.rng.random() < self.silence / 2
        self._answer(answer, WriteFailed("the register timed out") if lost else WriteWon(effect.record.head))

    def commit(self, effect: WriteRecord) -> None:
        """One transaction: the record and its entries."""
        self.record = effect.record
        self.ledger = [*self.ledger[: effect.expected_version], *effect.entries]
        for entry in effect.entries:
            self.on_entry(entry, effect.record)

    def _answer(self, answer: Callable[[Event], None], event: Event) -> None:
        self.later(self._wait_s(), answer, event)

    def _wait_s(self) -> float:
        return 0.002 + self.rng.expovariate(1 / 0.02)
