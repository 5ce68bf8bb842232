"""The shell of a simulated sentinel: no disk of its own, only a line to the register."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal_swarm.protocol.membership import Leases
from shoal_swarm.protocol.names import SENTINEL, NodeName
from shoal_swarm.protocol.round_messages import FromNode, FromSentinel, LedgerPart
from shoal_swarm.protocol.sentinel import effects as do
from shoal_swarm.protocol.sentinel import events as on
from shoal_swarm.protocol.sentinel.run import SentinelRun
from tests.simulation.payloads import by_count

if TYPE_CHECKING:
    from tests.simulation.node_host import NodeProcess
    from tests.simulation.world import World


@dataclass(slots=True)
class SentinelHost:
    """Where a sentinel runs."""

    name: str
    world: "World"
    process: "SentinelProcess | None" = None

    def boot(self) -> None:
        """Start a process on what the register holds."""
        if self.process is None:
            self.world.tell(f"{self.name} starts")
            self.process = SentinelProcess(self)
            self.process.begin()

    def crash(self, why: str) -> None:
        """Stop the process; writes on their way to the register may still arrive."""
        if self.process is not None:
            self.world.tell(f"{self.name} crashes: {why}")
            self.process.is_alive = False
            self.process = None

    def hear(self, sender: NodeName, message: FromNode, _speaker: "NodeProcess") -> None:
        """A message from a node."""
        if self.process is not None:
            self.process.deliver(on.Received(sender, message))


class SentinelProcess:
    """One start of a sentinel."""

    def __init__(self, host: SentinelHost) -> None:
        self.host, self.world = host, host.world
        self.is_alive = True
        self.asleep_until = 0.0
        now = self.world.now
        self.run = SentinelRun(
            rules=self.world.rules,
            timing=self.world.timing,
            weigh=by_count,
            sign=self.world.signer(SENTINEL),
            verify=self.world.verify,
            leases=Leases(self.world.timing, now),
            written=self.world.register.record,
            since=now,
        )

    def begin(self) -> None:
        """Tick."""
        self._tick()

    def deliver(self, event: on.Event) -> None:
        """Hand an event to the run and do what follows."""
        if not self.is_alive:
            return
        if self.world.now < self.asleep_until:
            self.world.at(self.asleep_until, self.deliver, event)
            return
        for effect in self.run.handle(event, self.world.now):
            if self.world.watchers and self.world.at_boundary(self.host, effect):
                return
            if not self.is_alive:
                return
            _DO[type(effect)](self, effect)

    def _tick(self) -> None:
        if not self.is_alive:
            return
        if self.world.now >= self.asleep_until:
            self.deliver(on.Ticked())
            if len(self.world.sentinels) > 1:
                version = 0 if self.run.written is None else self.run.written.version
                self.world.register.read(version, self.deliver)
        self.world.later(self.world.timing.tick_s, self._tick)

    def _send(self, effect: do.Send) -> None:
        self._say(effect.to, effect.message)

    def _say(self, to: NodeName, message: FromSentinel) -> None:
        self.world.network.carry(self.host.name, to, _hear, self.world, to, message)

    def _send_ledger(self, effect: do.SendLedger) -> None:
        entries = self.world.register.page(effect.after)
        if entries:
            self._say(effect.to, LedgerPart(run=self.world.rules.run, entries=entries))

    def _issue(self, effect: do.IssueIncarnation) -> None:
        self.world.register.issue(effect.node, effect.boot_nonce, self.deliver)

    def _write(self, effect: do.WriteRecord) -> None:
        self.world.register.write(effect, self.deliver)

    def _read(self, effect: do.ReadLedger) -> None:
        self.world.register.read(effect.after, self.deliver)

    def _alarm(self, effect: do.Alarm) -> None:
        self.world.alarm(self.host.name, effect.sentence)


def _hear(world: "World", to: NodeName, message: FromSentinel) -> None:
    process = world.nodes[to].process
    if process is not None:
        process.hear(message)


_DO: dict[type, Callable[..., None]] = {
    do.Send: SentinelProcess._send,
    do.SendLedger: SentinelProcess._send_ledger,
    do.IssueIncarnation: SentinelProcess._issue,
    do.WriteRecord: SentinelProcess._write,
    do.ReadLedger: SentinelProcess._read,
    do.Alarm: SentinelProcess._alarm,
}
