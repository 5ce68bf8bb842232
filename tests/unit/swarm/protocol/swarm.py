"""A sentinel's machine in a test's hands: no network, no clock, a register that always agrees unless told otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.membership import Leases, Member, issue
from shoal_swarm.protocol.names import NodeName, RunId
from shoal_swarm.protocol.pieces import PieceRun
from shoal_swarm.protocol.round_messages import FromNode, FromSentinel, Join, Joined, Lease
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.sentinel import effects as do
from shoal_swarm.protocol.sentinel import events as on
from shoal_swarm.protocol.sentinel.run import SentinelRun
from tests.unit.swarm.protocol.keys import sign, verify

RUN = RunId("run")
CONFIG = digest_of(b"config")
FIT = Fit(
    adapter_shape=digest_of(b"shape"),
    base_model=digest_of(b"bert"),
    tokenizer=digest_of(b"cased"),
    labels=digest_of(b"stars"),
    pieces=(PieceRun(count=2, piece_bytes=1 << 20, cost=1),),
)
RULES = RunRules(run=RUN, config_hash=CONFIG, min_nodes=2, rounds=5)


@dataclass(slots=True)
class Desk:
    """Feeds a sentinel's run and keeps what it says."""

    run: SentinelRun
    now: float = 0.0
    said: list[tuple[NodeName, FromSentinel]] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    members: dict[NodeName, Member] = field(default_factory=dict)
    answers: bool = True

    def feed(self, event: on.Event) -> None:
        """An event and all that follows from it."""
        for effect in self.run.handle(event, self.now):
            match effect:
                case do.Send():
                    self.said.append((effect.to, effect.message))
                case do.WriteRecord() if self.answers:
                    self.ledger += effect.entries
                    self.feed(on.WriteWon(effect.record.head))
                case do.IssueIncarnation():
                    self.members[effect.node] = issue(self.members.get(effect.node), effect.node, effect.boot_nonce)
                    number = self.members[effect.node].incarnation(effect.boot_nonce)
                    self.feed(on.IncarnationIssued(effect.node, effect.boot_nonce, number))
                case do.Alarm():
                    self.alarms.append(effect.sentence)
                case _:
                    pass

    def tick(self, now: float) -> None:
        """Time passes, second by second."""
        while self.now < now:
            self.now += 1.0
            self.feed(on.Ticked())

    def hear(self, node: str, message: FromNode) -> None:
        """A node says something."""
        self.feed(on.Received(NodeName(node), message))

    def join(self, node: str, nonce: str = "boot", fit: Fit = FIT) -> None:
        """A process introduces itself."""
        self.hear(node, Join(run=RUN, boot_nonce=nonce, config_hash=CONFIG, fit=fit, address=f"{node}:1"))

    def lease(self, node: str, incarnation: int = 1, *, applied: int = -1, ready: bool = True) -> None:
        """A process renews its lease."""
        version = self.run.record.version
        self.hear(
            node,
            Lease(run=RUN, incarnation=incarnation, version=version, applied=applied, ready=ready, address=f"{node}:1"),
        )

    def heard_by(self, node: str) -> list[FromSentinel]:
        """What a node was told, and forget it."""
        told = [message for to, message in self.said if to == node]
        self.said = [(to, message) for to, message in self.said if to != node]
        return told

    def kinds(self) -> list[str]:
        """The ledger in names."""
        return [type(entry.decision()).__name__ for entry in self.ledger]


def by_count(_gram: tuple[tuple[float, ...], ...], counts: tuple[int, ...]) -> tuple[float, ...]:
    """Examples are weights."""
    return tuple(map(float, counts))


def desk(rules: RunRules = RULES) -> Desk:
    """A sentinel that has listened long enough to judge."""
    return Desk(
        SentinelRun(
            rules=rules,
            timing=Timing.lan(),
            weigh=by_count,
            sign=sign,
            verify=verify,
            leases=Leases(Timing.lan(), 0.0),
            written=None,
            since=0.0,
        )
    )


def joined(desk: Desk, names: Sequence[str]) -> None:
    """Everybody has joined and is ready for round zero."""
    desk.tick(1.0)
    for name in names:
        desk.join(name)
    assert all(any(isinstance(told, Joined) for told in desk.heard_by(name)) for name in names)
