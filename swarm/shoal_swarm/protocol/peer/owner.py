"""The owning part of a peer: merging one share of the pieces for everybody.

    IDLE ─► COLLECTING ─► MERGING ─► KEEPING ─► PUBLISHED
     ▲          │             │          │          │
     └──────────┴─────────────┴──────────┴──────────┘  the attempt is over

Inputs are fetched by hash from their contributors and kept in a spool only: after a crash they are fetched
again. What may be merged is decided by the CUT alone, never by what happens to be here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shoal_swarm.protocol.catch_up import Holders
from shoal_swarm.protocol.digests import list_root
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer.effects import DropInputs, Effect, KeepBlobs, MeasureGram, MergeInput, MergeShare, Send
from shoal_swarm.protocol.peer.events import Examined, GramMeasured, ShareMerged
from shoal_swarm.protocol.peer.foresight import Foresight
from shoal_swarm.protocol.peer.knowledge import Knowledge
from shoal_swarm.protocol.peer.link import Link
from shoal_swarm.protocol.peer.scrutiny import Scrutiny
from shoal_swarm.protocol.pieces import Share
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import Announced, Have, Merged
from shoal_swarm.protocol.signed import Manifest, Result, SignedResult, is_signed, sign_result
from shoal_swarm.protocol.table import Row, Table
from shoal_swarm.protocol.weighing import Weigh, counts_of

IDLE, COLLECTING, MERGING, KEEPING, PUBLISHED = "IDLE", "COLLECTING", "MERGING", "KEEPING", "PUBLISHED"


@dataclass(slots=True)
class Owner:
    """One share of one attempt."""

    knowledge: Knowledge
    link: Link
    weigh: Weigh
    state: str = IDLE
    key: tuple[int, int] = (-1, -1)
    """Round and attempt under way."""
    share: Share | None = None
    inputs: dict[Digest, Manifest] = field(default_factory=dict)
    """Contributions to collect, by root."""
    at_hand: set[Digest] = field(default_factory=set)
    """Input blobs in the spool."""
    scrutiny: Scrutiny = field(default_factory=Scrutiny)
    foresight: Foresight = field(default_factory=Foresight)
    _merged_before: set[Digest] = field(default_factory=set)
    """Inputs of the round before, kept for one round in case somebody asks what was merged."""
    merged: tuple[Digest, ...] = ()
    published: SignedResult | None = None
    gram: GramMeasured | None = None
    _measuring: tuple[Digest, ...] = ()

    def announced(self, message: Announced) -> None:
        """The sentinel has these manifests on record, so their pieces may be fetched."""
        if self.state != COLLECTING or (message.round, message.attempt) != self.key:
            return
        for signed in message.manifests:
            manifest = signed.manifest
            if manifest.round != message.round or self.inputs.get(manifest.root) == manifest:
                continue  # each announcement repeats those before it, and a signature need be checked but once
            if is_signed(signed, self.knowledge.identity.verify):
                self.inputs[manifest.root] = manifest

    def due(self) -> dict[Digest, NodeName]:
        """The contributions that matter now, by root: those of the cut once there is one, until then the announced."""
        record = self.knowledge.record
        if record is not None and record.phase is Phase.CUT:
            return {member.root: member.node for member in record.cut}
        return {root: manifest.node for root, manifest in self.inputs.items()}

    def wanted(self) -> tuple[dict[Digest, Holders], dict[Digest, Holders]]:
        """Lists and pieces that are still missing, and whom to ask."""
        lists: dict[Digest, Holders] = {}
        pieces: dict[Digest, Holders] = {}
        if self.state != COLLECTING:
            return lists, pieces
        for root, node in self.due().items():
            if root in self.scrutiny.refused:
                continue
            listed = self._listed(root)
            if listed is None:
                lists[root] = (node,)
                continue
            pieces |= {piece: (node,) for piece in listed if not self._is_here(piece)}
        return lists, pieces

    def examined(self, event: Examined) -> None:
        """A share of a contribution was looked at."""
        if (event.round, event.attempt) == self.key:
            self.scrutiny.judge(event.root, event.offsets, event.problem)

    def lost(self, digest: Digest) -> None:
        """An input is not in the spool any more."""
        self.at_hand.discard(digest)
        self.scrutiny.look_again()

    def measured(self, event: GramMeasured) -> None:
        """Pairwise products over this share are known for these contributions."""
        if (event.round, event.attempt) == self.key:
            self.gram = event

    def share_merged(self, event: ShareMerged) -> None:
        """The merge is done."""
        if self.state == MERGING and (event.round, event.attempt) == self.key:
            self.merged = event.pieces

    def say(self) -> list[Effect]:
        """What is said on every tick: what is complete, or what came out."""
        if self.link.incarnation is None:
            return []
        if self.published is not None and self.knowledge.is_in(Phase.CUT):
            return [
                Send(Merged(run=self.knowledge.rules.run, incarnation=self.link.incarnation, signed=self.published))
            ]
        if self.state == COLLECTING and self.knowledge.is_in(Phase.OPEN):
            return self._report(self.link.incarnation)
        return []

    def _report(self, incarnation: int) -> list[Effect]:
        round_index, attempt = self.key
        assert self.share is not None, "who collects has a share"
        listed = [self._input(one.node, root, 1.0) for root, one in self.inputs.items() if self._listed(root)]
        looks: list[Effect] = [*self.scrutiny.examine(self.key, self.share.first, listed, self._is_here)]
        passed = [one for one in listed if self.scrutiny.has_passed(one.root)]
        complete = [(one.node, one.root) for one in passed if self.is_complete(one.root)]
        if self.knowledge.rules.needs_gram and complete:
            roots = tuple(root for _, root in complete)
            if self.gram is None or self.gram.roots != roots:
                return looks + self._measure(roots)
        gram = self.gram.rows if self.gram is not None else ()
        refused = tuple((self.inputs[root].node, root, why) for root, why in self.scrutiny.refused.items())
        return [
            *looks,
            *self._ahead(),
            Send(
                Have(
                    run=self.knowledge.rules.run,
                    incarnation=incarnation,
                    round=round_index,
                    attempt=attempt,
                    complete=tuple(complete),
                    gram=gram,
                    refused=refused,
                )
            ),
        ]

    def _ahead(self) -> list[Effect]:
        """Have merged what is here from everybody, if everybody who is expected has said what it contributes."""
        record, rules = self.knowledge.record, self.knowledge.rules
        manifests = [one for root, one in self.inputs.items() if root not in self.scrutiny.refused]
        if record is None or rules.needs_gram or not {one.node for one in manifests}.issuperset(record.expected):
            return []
        if not self.foresight.is_of(manifests):
            weights = self.weigh((), counts_of(manifests, rules))
            order = self.order((one.node, one.root, weight) for one, weight in zip(manifests, weights, strict=True))
            self.foresight.expect(order)
        return [*self.foresight.due(self._is_here)]

    def order(self, members: Iterable[tuple[NodeName, Digest, float]]) -> MergeShare | None:
        """What merging these would be, with everything about them known here; None while something is not."""
        newest = self.knowledge.newest
        base = () if newest is None else self.knowledge.pieces_of_commit(newest)
        if self.share is None or base is None or not self.knowledge.kept.issuperset(base):
            return None
        inputs = tuple(self._input(node, root, weight) for node, root, weight in members)
        if not all(one.pieces for one in inputs):
            return None
        return MergeShare(*self.key, self.share.first, tuple(self.share.cut_from(base)), inputs)

    def _measure(self, roots: tuple[Digest, ...]) -> list[Effect]:
        if self._measuring == roots:
            return []
        self._measuring = roots
        inputs = tuple(self._input(self.inputs[root].node, root, 1.0) for root in roots)
        return [MeasureGram(self.key[0], self.key[1], inputs)]

    def is_complete(self, root: Digest) -> bool:
        """Whether a contribution's part of this share is here."""
        listed = self._listed(root)
        return listed is not None and all(self._is_here(piece) for piece in listed)

    def _input(self, node: NodeName, root: Digest, weight: float) -> MergeInput:
        return MergeInput(node, root, weight, self._listed(root) or ())

    def _listed(self, root: Digest) -> tuple[Digest, ...] | None:
        frozen = self.knowledge.books.frozen
        listed = frozen.pieces if frozen is not None and frozen.root == root else self.knowledge.lists.get(root)
        pieces = self.knowledge.identity.fit.piece_count
        if listed is not None and len(listed) != pieces:
            self.scrutiny.refuse(root, f"Its list names {len(listed)} pieces: the run has {pieces}.")
            return None
        return None if listed is None or self.share is None else tuple(self.share.cut_from(listed))

    def _is_here(self, piece: Digest) -> bool:
        return piece in self.at_hand or piece in self.knowledge.kept


def collect(part: Owner, _now: float) -> list[Effect] | None:
    """The round gives this node a share."""
    record = part.knowledge.record
    share = None if record is None else record.share(part.knowledge.node)
    if record is None or share is None or record.phase not in {Phase.OPEN, Phase.CUT}:
        return None
    if record.round != part.knowledge.books.applied + 1:
        return None
    part.key, part.share = record.attempt_key(), share
    return []


def merge(part: Owner, _now: float) -> list[Effect] | None:
    """The cut is made: merge exactly its contributors, with its weights, as soon as their pieces are here."""
    record = part.knowledge.record
    if record is None or record.phase is not Phase.CUT:
        return None
    if not all(part.is_complete(member.root) for member in record.cut):
        return None
    order = part.order((member.node, member.root, member.weight) for member in record.cut)
    return None if order is None else [order]


def keep(part: Owner, _now: float) -> list[Effect] | None:
    """The merge is done: its result must be durable before anybody hears of it."""
    if not part.merged:
        return None
    root = list_root(part.merged)
    part.knowledge.lists[root] = part.merged
    part.knowledge.pin(part.key, (root, *part.merged))
    return [KeepBlobs((root, *part.merged), "merge")]


def publish(part: Owner, _now: float) -> list[Effect] | None:
    """The result is durable: announce it."""
    knowledge, share = part.knowledge, part.share
    root = list_root(part.merged)
    if share is None or not knowledge.kept.issuperset((root, *part.merged)):
        return None
    is_long = knowledge.identity.fit.piece_count > knowledge.rules.pieces_listed_max
    result = Result(
        run=knowledge.rules.run,
        node=knowledge.node,
        round=part.key[0],
        attempt=part.key[1],
        first=share.first,
        count=share.count,
        root=root,
        pieces=() if is_long else part.merged,
    )
    part.published = sign_result(result, knowledge.identity.sign)
    return part.say()


def over(part: Owner, _now: float) -> list[Effect] | None:
    """The attempt is committed or given up: what was collected for it counts no more."""
    record = part.knowledge.record
    if record is not None and record.attempt_key() == part.key and record.phase in {Phase.OPEN, Phase.CUT}:
        return None
    dropped: list[Effect] = []
    if record is None or record.round != part.key[0] or record.phase is Phase.COMMITTED:
        surplus = tuple(sorted(part._merged_before))  # noqa: SLF001 - the rows are this module's
        dropped = [DropInputs(surplus)] if surplus else []
        part._merged_before, part.at_hand = part.at_hand, set()  # noqa: SLF001 - as above
    part.key, part.share, part.merged, part.published = (-1, -1), None, (), None
    part.gram, part._measuring = None, ()  # noqa: SLF001 - the rows are this module's
    part.inputs.clear()
    part.scrutiny.clear()
    part.foresight.clear()
    return dropped


OWNER: Final[Table[Owner, list[Effect]]] = Table(
    "A share that a node merges",
    IDLE,
    (
        *(Row(state, IDLE, "the attempt is over", over) for state in (COLLECTING, MERGING, KEEPING, PUBLISHED)),
        Row(IDLE, COLLECTING, "the round gives this node a share", collect),
        Row(COLLECTING, MERGING, "the cut is made and its pieces are here", merge),
        Row(MERGING, KEEPING, "the share is merged", keep),
        Row(KEEPING, PUBLISHED, "the result is durable: it is announced", publish),
    ),
)
"""Every transition of the owning part."""
