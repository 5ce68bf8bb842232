"""The peer's word with the sentinel: introducing itself, renewing its lease, noticing silence."""

from dataclasses import dataclass

from shoal_swarm.protocol.peer.effects import Effect, Send, Stop
from shoal_swarm.protocol.peer.knowledge import Knowledge
from shoal_swarm.protocol.round_messages import Goodbye, Join, JoinAgain, Joined, Lease, Refused


@dataclass(slots=True)
class Link:
    """Whether this process is welcome, and since when nothing was heard."""

    knowledge: Knowledge
    heard_at: float
    incarnation: int | None = None

    def say(self, *, ready: bool) -> list[Effect]:
        """What is said on every tick: who this is, or how far it is."""
        if self.incarnation is None:
            return [self._join()]
        knowledge = self.knowledge
        lease = Lease(
            run=knowledge.rules.run,
            incarnation=self.incarnation,
            version=len(knowledge.heads),
            applied=knowledge.books.applied,
            ready=ready,
            address=knowledge.identity.address,
        )
        return [Send(lease)]

    def is_silent(self, now: float) -> bool:
        """Whether no sentinel has answered for a lease: then training may drift."""
        return now - self.heard_at > self.knowledge.timing.lease_s

    def joined(self, joined: Joined) -> None:
        """The sentinel welcomed this process."""
        if joined.boot_nonce == self.knowledge.identity.boot_nonce:
            self.incarnation = joined.incarnation

    def join_again(self, again: JoinAgain) -> list[Effect]:
        """The sentinel does not know this incarnation; if it is this one, introduce it anew."""
        if again.incarnation != self.incarnation:
            return []
        self.incarnation = None
        return [self._join()]

    def refused(self, refused: Refused) -> list[Effect]:
        """The sentinel does not want this process: it ends, with the sentinel's reasons."""
        if refused.boot_nonce != self.knowledge.identity.boot_nonce:
            return []
        return [Stop(" ".join(refused.reasons))]

    def leave(self) -> list[Effect]:
        """End on purpose."""
        reason = Stop("This node was asked to leave.")
        if self.incarnation is None:
            return [reason]
        return [Send(Goodbye(run=self.knowledge.rules.run, incarnation=self.incarnation)), reason]

    def _join(self) -> Effect:
        identity, rules = self.knowledge.identity, self.knowledge.rules
        return Send(
            Join(
                run=rules.run,
                boot_nonce=identity.boot_nonce,
                config_hash=rules.config_hash,
                fit=identity.fit,
                address=identity.address,
            )
        )
