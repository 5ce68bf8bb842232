"""Who is a member, in which incarnation, and who is alive.

The register issues incarnations: one for each start of a node's process, told apart by the nonce that the
process drew when it started. Saying HELLO twice is therefore harmless, and a process that the world has
moved on from carries a lower number than its successor and is turned away.

Alive is who renewed its lease. Leases live in the sentinel's memory only: a sentinel that has just started
knows nothing about anybody, so for two lease times it holds everybody for alive.
"""

from dataclasses import dataclass, field

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.names import NodeName, Value


class Member(Value, frozen=True):
    """A row of the register: every process that ever spoke for a node, by the nonce of its start."""

    node: NodeName
    boot_nonces: tuple[str, ...] = ()
    """In the order of their first HELLO; a process's incarnation is its place in this list, from 1."""

    def incarnation(self, boot_nonce: str) -> int:
        """The number of a process that was issued one."""
        return self.boot_nonces.index(boot_nonce) + 1


def issue(known: Member | None, node: NodeName, boot_nonce: str) -> Member:
    """The member after a HELLO with this nonce; run by the register inside one transaction."""
    member = known or Member(node=node)
    if boot_nonce in member.boot_nonces:
        return member
    return Member(node=node, boot_nonces=(*member.boot_nonces, boot_nonce))


@dataclass(slots=True)
class _Lease:
    incarnation: int
    heard_at: float


@dataclass(slots=True)
class Leases:
    """The live nodes, as one sentinel sees them."""

    timing: Timing
    started_at: float
    _leases: dict[NodeName, _Lease] = field(default_factory=dict)
    _ticked_at: float = 0.0

    def __post_init__(self) -> None:
        self._ticked_at = self.started_at

    def incarnation(self, node: NodeName) -> int | None:
        """The newest incarnation heard of; None for a node not heard of since this sentinel started."""
        lease = self._leases.get(node)
        return None if lease is None else lease.incarnation

    def welcome(self, node: NodeName, incarnation: int, now: float) -> None:
        """Start the lease of a process; whoever spoke for this node before counts no more."""
        self._leases[node] = _Lease(incarnation, now)

    def renew(self, node: NodeName, incarnation: int, now: float) -> bool:
        """Whether this is the incarnation that counts; if so, its lease starts anew."""
        lease = self._leases.get(node)
        if lease is None or lease.incarnation != incarnation:
            return False
        lease.heard_at = now
        return True

    def leave(self, node: NodeName) -> None:
        """A node said goodbye: it is gone now, not after a silence."""
        lease = self._leases.get(node)
        if lease is not None:
            lease.heard_at = float("-inf")

    def tick(self, now: float) -> None:
        """Ticks come at a steady pace; one that is overdue tells of a sleep."""
        self._ticked_at = now

    def slept_s(self, now: float) -> float:
        """How long this process has just slept; every lease is extended by it.

        A paused judge must not condemn the swarm on waking: whoever was not heard could not be heard.
        """
        lag_s = now - self._ticked_at - self.timing.tick_s
        if lag_s <= self.timing.lag_s:
            return 0.0
        for lease in self._leases.values():
            lease.heard_at += lag_s
        self.started_at += lag_s
        self._ticked_at += lag_s
        return lag_s

    def is_fresh(self, node: NodeName, now: float) -> bool:
        """Heard within one lease: good enough to be given work for others."""
        lease = self._leases.get(node)
        return lease is not None and now - lease.heard_at <= self.timing.lease_s

    def is_alive(self, node: NodeName, now: float) -> bool:
        """Heard within two leases, or this sentinel is too young to judge."""
        if self.is_judging(now):
            lease = self._leases.get(node)
            return lease is not None and now - lease.heard_at <= self.timing.gone_s
        return True

    def is_judging(self, now: float) -> bool:
        """Whether this sentinel has listened long enough to call anybody gone."""
        return now - self.started_at >= self.timing.gone_s

    def known(self) -> list[NodeName]:
        """Everybody heard of since this sentinel started."""
        return list(self._leases)
