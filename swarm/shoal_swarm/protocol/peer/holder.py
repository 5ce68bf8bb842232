"""The holding part of a peer: getting results, keeping them for all, applying COMMITs, catching up.

    STARTING ─► RESTING ◄──────► FETCHING      pieces of the newest COMMIT are missing here
                  ▲  │
                  │  ▼
                APPLYING                       the newest COMMIT is complete on this disk

Catching up is nothing special: whoever lacks pieces of the newest COMMIT fetches them by hash, whether it
missed one round, missed a hundred, or starts from an empty disk.
"""

from dataclasses import dataclass, field
from typing import Final

from shoal_swarm.protocol.catch_up import Holders
from shoal_swarm.protocol.folding import apply, folds
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest, NodeName
from shoal_swarm.protocol.pace import steps_after
from shoal_swarm.protocol.peer.effects import Alarm, DropBlobs, Effect, Send, Train
from shoal_swarm.protocol.peer.knowledge import Commit, Knowledge
from shoal_swarm.protocol.peer.link import Link
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import Held, Published
from shoal_swarm.protocol.signed import Result
from shoal_swarm.protocol.table import Row, Table

STARTING, RESTING, FETCHING, APPLYING = "STARTING", "RESTING", "FETCHING", "APPLYING"


@dataclass(slots=True)
class Holder:
    """What this node holds of the shared state, and what it still needs."""

    knowledge: Knowledge
    link: Link
    state: str = STARTING
    key: tuple[int, int] = (-1, -1)
    """Round and attempt that `results` belong to."""
    results: dict[tuple[NodeName, Digest], Result] = field(default_factory=dict)
    """Results that owners of the attempt under way have published."""
    _spoken_for: Digest | None = None
    _steps: int = 0
    _was_ready: bool = True

    def __post_init__(self) -> None:
        self._steps = self.knowledge.rules.sync_every

    def published(self, message: Published) -> None:
        """Owners have results: they are to be fetched and kept, so that the round can be committed."""
        record = self.knowledge.record
        if record is None or record.phase is not Phase.CUT or record.attempt_key() != (message.round, message.attempt):
            return
        if self.key != record.attempt_key():
            self.key = record.attempt_key()
            self.results.clear()
        for signed in message.results:
            self.results[signed.result.node, signed.result.root] = signed.result

    def wanted(self) -> tuple[dict[Digest, Holders], dict[Digest, Holders]]:
        """Lists and pieces that are still missing here, and whom to ask: the owner first, then everybody else."""
        lists: dict[Digest, Holders] = dict.fromkeys(sorted(self.knowledge.unread_lists()), (self.knowledge.node,))
        pieces: dict[Digest, Holders] = {}
        newest = self.knowledge.newest
        if newest is not None:
            for result, holders in newest.results:
                self._want(result, holders, lists, pieces)
        if self.knowledge.is_in(Phase.CUT):
            for result in self.results.values():
                self._want(result, (), lists, pieces)
        return lists, pieces

    def say(self) -> list[Effect]:
        """What is said on every tick while results are to be held: what lies durably here."""
        record = self.knowledge.record
        if record is None or record.phase is not Phase.CUT or self.key != record.attempt_key():
            return []
        held = tuple(key for key, result in self.results.items() if self._is_kept(result))
        if not held or self.link.incarnation is None:
            return []
        # Pieces found here from an earlier attempt or before a restart were never fetched for this one: without a
        # pin, cleaning up after an older COMMIT could drop them although they are said to be held.
        self.knowledge.pin(self.key, (digest for key in held for digest in self._blobs_of(self.results[key])))
        round_index, attempt = self.key
        return [
            Send(Held(run=record.run, incarnation=self.link.incarnation, round=round_index, attempt=attempt, held=held))
        ]

    def is_complete(self, commit: Commit) -> bool:
        """Whether every piece of a COMMIT lies durably here."""
        return all(self._is_kept(result) for result, _holders in commit.results)

    def train(self, spoken_for: Digest | None) -> list[Effect]:
        """Send the trainer on its way from the COMMIT that the books name."""
        lost = [
            Alarm(f"The disk lost contribution {root.hex()[:12]} or its base; that work can't be folded in any more.")
            for root in self.knowledge.strike_unfoldable()
        ]
        books, newest = self.knowledge.books, self.knowledge.commits.get(self.knowledge.books.applied)
        pieces = () if newest is None else self.knowledge.pieces_of_commit(newest) or ()
        return [*lost, Train(books.applied, pieces, self._steps, folds(books), spoken_for)]

    def _blobs_of(self, result: Result) -> tuple[Digest, ...]:
        return (result.root, *(self.knowledge.pieces_of(result) or ()))

    def _is_kept(self, result: Result) -> bool:
        pieces = self.knowledge.pieces_of(result)
        if pieces is None or not self.knowledge.kept.issuperset(pieces):
            return False
        return bool(result.pieces) or result.root in self.knowledge.kept

    def _want(
        self, result: Result, holders: Holders, lists: dict[Digest, Holders], pieces: dict[Digest, Holders]
    ) -> None:
        if self._is_kept(result):
            return
        knowledge = self.knowledge
        others = knowledge.whom_to_ask(result.node, holders)
        listed = knowledge.pieces_of(result)
        if listed is None:
            here = result.root in knowledge.kept
            lists[result.root] = (knowledge.node,) if here else others
            return
        if not result.pieces and result.root not in knowledge.kept:
            pieces[result.root] = others
        pieces |= {piece: others for piece in listed if piece not in knowledge.kept}


def start(part: Holder, _now: float) -> list[Effect] | None:
    """After a start: as soon as the COMMIT that the books name is complete here, the trainer can go on from it."""
    knowledge = part.knowledge
    books = knowledge.books
    if books.applied != BEFORE_ROUND_ZERO:
        commit = knowledge.commits.get(books.applied)
        is_newest = knowledge.newest is not None and knowledge.newest.round == books.applied
        if commit is None or (is_newest and not part.is_complete(commit)):
            return None
        if not is_newest:
            return []
        if knowledge.unread_lists():
            return None
    return [] if books.frozen is not None else part.train(None)


def lack(part: Holder, _now: float) -> list[Effect] | None:
    """The newest COMMIT is not complete on this disk."""
    newest = part.knowledge.newest
    return [] if newest is not None and not part.is_complete(newest) else None


def have_all(part: Holder, _now: float) -> list[Effect] | None:
    """Nothing of the newest COMMIT is missing any more."""
    newest = part.knowledge.newest
    return [] if newest is not None and part.is_complete(newest) else None


def write_applied(part: Holder, _now: float) -> list[Effect] | None:
    """A newer COMMIT than the applied one is complete here and in the own ledger: enter it in the books."""
    knowledge, newest = part.knowledge, part.knowledge.newest
    if newest is None or newest.round <= knowledge.books.applied or knowledge.writing is not None:
        return None
    if not part.is_complete(newest) or knowledge.ledger_kept < newest.length:
        return None
    if knowledge.unread_lists():  # cleaning up afterwards would drop what they name, and late work needs its base
        return None
    frozen = knowledge.books.frozen
    part._was_ready = knowledge.ready_from == knowledge.books.applied  # noqa: SLF001 - the rows are this module's
    part._spoken_for = None if frozen is None else frozen.root  # noqa: SLF001 - the rows are this module's
    return knowledge.write(apply(knowledge.books, newest.round, newest.chain, knowledge.settled), "applied")


def applied(part: Holder, _now: float) -> list[Effect] | None:
    """The books are durable: train from the new base, and drop what nobody needs any more."""
    knowledge = part.knowledge
    if knowledge.writing is not None:
        return None
    part._steps = steps_after(part._steps, knowledge.rules, was_ready=part._was_ready)  # noqa: SLF001 - as above
    needed = knowledge.blobs_needed()
    surplus = tuple(sorted(knowledge.kept - needed))
    knowledge.kept &= needed
    for stale in [root for root in knowledge.lists if root not in needed]:
        del knowledge.lists[stale]
    dropped: list[Effect] = [DropBlobs(surplus)] if surplus else []
    return part.train(part._spoken_for) + dropped  # noqa: SLF001 - the rows are this module's


HOLDER: Final[Table[Holder, list[Effect]]] = Table(
    "The shared state on a node",
    STARTING,
    (
        Row(STARTING, RESTING, "the applied COMMIT is complete on this disk, or a newer one is known", start),
        Row(RESTING, FETCHING, "pieces of the newest COMMIT are missing here", lack),
        Row(FETCHING, RESTING, "nothing of the newest COMMIT is missing any more", have_all),
        Row(RESTING, APPLYING, "a newer COMMIT is complete on this disk", write_applied),
        Row(APPLYING, RESTING, "it is in the books: the trainer goes on from it", applied),
    ),
)
"""Every transition of the holding part."""
