"""The contributing part of a peer: from the trainer's offer to a frozen contribution.

    TRAINING ─► OFFERED ─► KEEPING ─► JOURNALLING ─► FROZEN
       ▲                                               │ COMMIT applied: settled or carried (folding.py)
       └───────────────────────────────────────────────┘

Nothing about a contribution is said before its bytes and then its name are durable: a process that crashes
after announcing must find exactly what it announced.
"""

from dataclasses import dataclass, field
from typing import Final

from shoal_swarm.protocol.folding import freeze
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest, NodeName
from shoal_swarm.protocol.peer.effects import Alarm, Effect, KeepBlobs, Send, TrainOn
from shoal_swarm.protocol.peer.events import Offered
from shoal_swarm.protocol.peer.knowledge import Knowledge
from shoal_swarm.protocol.peer.link import Link
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import Contribution, TurnedDown
from shoal_swarm.protocol.signed import Manifest, SignedManifest, sign_manifest
from shoal_swarm.protocol.table import Row, Table

TRAINING, OFFERED, KEEPING, JOURNALLING, FROZEN = "TRAINING", "OFFERED", "KEEPING", "JOURNALLING", "FROZEN"


@dataclass(slots=True)
class Contributor:
    """One contribution a round, always trained from the last COMMIT."""

    knowledge: Knowledge
    link: Link
    state: str = TRAINING
    offer: Offered | None = None
    base: int = BEFORE_ROUND_ZERO
    """The COMMIT that `offer` was trained from."""
    _signed: SignedManifest | None = None
    _allowed_steps: int = 0
    _told: set[tuple[NodeName, Digest]] = field(default_factory=set)
    """Refusals by owners that a person was told about."""

    def offered(self, offer: Offered) -> None:
        """The trainer reached a sync point; a later offer replaces an earlier one until one is frozen."""
        if offer.base == self.knowledge.books.applied and self.state in {TRAINING, OFFERED, FROZEN}:
            self.offer = offer
            self.knowledge.ready_from = offer.base

    def turned_down(self, message: TurnedDown) -> list[Effect]:
        """An owner can't merge this node's contribution: a person must know, for the swarm goes on without it."""
        frozen, key = self.knowledge.books.frozen, (message.owner, message.root)
        if frozen is None or frozen.root != message.root or key in self._told:
            return []
        self._told.add(key)
        return [
            Alarm(
                f"{message.owner} refuses this node's contribution to round {message.round}: {message.reason} "
                "The round goes on without it."
            )
        ]

    def is_ready(self) -> bool:
        """Whether a contribution to the next round is at hand."""
        return self.state != TRAINING

    def say(self, now: float) -> list[Effect]:
        """What is said on every tick while the round takes contributions, and drift when nobody answers."""
        return [*self._announce(), *self._drift(now)]

    def _announce(self) -> list[Effect]:
        knowledge, frozen = self.knowledge, self.knowledge.books.frozen
        record = knowledge.record
        if self.state != FROZEN or frozen is None or record is None or self.link.incarnation is None:
            return []
        if record.phase is not Phase.OPEN or record.round != frozen.round or knowledge.node not in record.expected:
            return []
        if self._signed is None:
            manifest = Manifest(
                run=record.run,
                node=knowledge.node,
                round=frozen.round,
                root=frozen.root,
                base=knowledge.books.applied,
                base_chain=knowledge.books.chain,
                examples=frozen.examples,
                folds=frozen.folds,
            )
            self._signed = sign_manifest(manifest, knowledge.identity.sign)
        return [Send(Contribution(run=record.run, incarnation=self.link.incarnation, signed=self._signed))]

    def _drift(self, now: float) -> list[Effect]:
        rules = self.knowledge.rules
        if self.offer is None or not self.link.is_silent(now):
            return []
        steps = min(self.offer.steps + rules.sync_every, rules.drift_cap)
        if steps <= self._allowed_steps or steps <= self.offer.steps:
            return []
        self._allowed_steps = steps
        return [TrainOn(steps)]


def resume(part: Contributor, _now: float) -> list[Effect] | None:
    """After a restart the books may hold a contribution that was frozen before."""
    frozen = part.knowledge.books.frozen
    return [] if frozen is not None and part.knowledge.writing is None else None


def accept(part: Contributor, _now: float) -> list[Effect] | None:
    """An offer counts if it was trained from the last COMMIT and folds in exactly what is carried."""
    offer, books = part.offer, part.knowledge.books
    return [] if offer is not None and offer.folds == books.carried_roots else None


def rebase(part: Contributor, _now: float) -> list[Effect] | None:
    """A new COMMIT is the base now: what was offered before was trained from an older one."""
    if part.base == part.knowledge.books.applied:
        return None
    part.base = part.knowledge.books.applied
    part.offer, part._signed, part._allowed_steps = None, None, 0  # noqa: SLF001 - the rows are this module's
    part._told.clear()  # noqa: SLF001 - as above
    return []


def keep(part: Contributor, _now: float) -> list[Effect] | None:
    """The round asks for this contribution: first its bytes become durable."""
    knowledge, offer, record = part.knowledge, part.offer, part.knowledge.record
    if record is None or offer is None or part.link.incarnation is None or record.phase is not Phase.OPEN:
        return None
    if record.round != knowledge.books.applied + 1 or knowledge.node not in record.expected:
        return None
    return [KeepBlobs((offer.root, *offer.pieces), "contribution")]


def journal(part: Contributor, _now: float) -> list[Effect] | None:
    """Its bytes are durable: now its name goes into the books."""
    knowledge, offer = part.knowledge, part.offer
    assert offer is not None, "KEEPING holds an offer"
    if knowledge.writing is not None or not knowledge.kept.issuperset((offer.root, *offer.pieces)):
        return None
    return knowledge.write(freeze(knowledge.books, offer.root, offer.pieces, offer.examples), "frozen")


def announce(part: Contributor, _now: float) -> list[Effect] | None:
    """Its name is durable: now, and not before, others may hear of it."""
    if part.knowledge.writing is not None:
        return None
    part.state = FROZEN
    return part._announce()  # noqa: SLF001 - the rows are this module's


CONTRIBUTOR: Final[Table[Contributor, list[Effect]]] = Table(
    "A node's own contribution",
    TRAINING,
    (
        *(
            Row(state, TRAINING, "a COMMIT was applied: it is the base now", rebase)
            for state in (TRAINING, OFFERED, KEEPING, JOURNALLING, FROZEN)
        ),
        Row(TRAINING, FROZEN, "the books hold a contribution from before a restart", resume),
        Row(TRAINING, OFFERED, "the trainer offers work from this base, with what is carried folded in", accept),
        Row(OFFERED, KEEPING, "the round is open and expects this node", keep),
        Row(KEEPING, JOURNALLING, "its bytes are durable", journal),
        Row(JOURNALLING, FROZEN, "its name is durable in the books: it is announced", announce),
    ),
)
"""Every transition of the contributing part."""
