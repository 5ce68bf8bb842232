"""Bugs in what becomes of a node's own work."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from shoal_swarm.protocol import folding
from shoal_swarm.protocol.decisions import Contributor as CutContributor
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer import contributor, holder, knowledge
from shoal_swarm.protocol.peer.contributor import Contributor
from shoal_swarm.protocol.peer.effects import Effect
from shoal_swarm.protocol.peer.events import Offered
from shoal_swarm.protocol.peer.knowledge import Knowledge
from tests.simulation.planted.planting import Patch, break_row


def clear_on_send(patch: Patch) -> None:
    """A node forgets its contribution as soon as it has sent it."""

    def announce(part: Contributor, now: float) -> list[Effect] | None:
        effects = contributor.announce(part, now)
        if effects:
            frozen = part.knowledge.books.frozen
            part.knowledge.settled.add(frozen.root if frozen is not None else Digest(b""))
        return effects

    break_row(patch, "CONTRIBUTOR", contributor.CONTRIBUTOR, contributor.announce, announce)


def inclusion_by_name(patch: Patch) -> None:
    """A node takes its contribution for committed because its name is in the cut."""

    def apply(books: Books, round_index: int, chain: Digest, settled: Collection[Digest]) -> Books:
        frozen = books.frozen
        named = frozen is not None and any(isinstance(one, str) for one in settled)
        roots = (*settled, frozen.root) if named and frozen is not None else settled
        return folding.apply(books, round_index, chain, roots)

    def roots_settled(contributors: Sequence[CutContributor], node: NodeName) -> tuple[Any, ...]:
        names = tuple(str(one.signed.manifest.node) for one in contributors if one.signed.manifest.node == node)
        return (*folding.roots_settled(contributors, node), *names)

    def append(self: Knowledge, entry: Any) -> None:  # noqa: ANN401 - passed through
        self.settled -= {one for one in self.settled if isinstance(one, str)}
        honest(self, entry)

    honest = Knowledge._append
    patch.setattr(holder, "apply", apply)
    patch.setattr(knowledge, "roots_settled", roots_settled)
    patch.setattr(Knowledge, "_append", append)


def announce_before_durable(patch: Patch) -> None:
    """A contribution is announced while its books are still on their way to the disk."""

    def journal(part: Contributor, now: float) -> list[Effect] | None:
        effects = contributor.journal(part, now)
        if effects is None or part.knowledge.writing is None:
            return effects
        honest_books, part.knowledge.books, part.state = (
            part.knowledge.books,
            part.knowledge.writing,
            contributor.FROZEN,
        )
        sent = part._announce()
        part.knowledge.books, part.state = honest_books, contributor.KEEPING
        return effects + sent

    break_row(patch, "CONTRIBUTOR", contributor.CONTRIBUTOR, contributor.journal, journal)


def fold_twice(patch: Patch) -> None:
    """Late work stays in the books after it was folded into a newer contribution."""

    def freeze(books: Books, root: Digest, pieces: tuple[Digest, ...], examples: int) -> Books:
        return msgspec.structs.replace(folding.freeze(books, root, pieces, examples), carried=books.carried)

    def apply(books: Books, round_index: int, chain: Digest, settled: Collection[Digest]) -> Books:
        after = folding.apply(books, round_index, chain, ())
        frozen = books.frozen.root if books.frozen is not None else None
        return msgspec.structs.replace(
            after, carried=tuple(kept for kept in after.carried if kept.root != frozen or kept.root not in settled)
        )

    patch.setattr(contributor, "freeze", freeze)
    patch.setattr(holder, "apply", apply)


def stale_base(patch: Patch) -> None:
    """An adapter counts as a contribution whatever it was trained from."""

    def offered(self: Contributor, offer: Offered) -> None:
        self.offer = offer

    def rebase(part: Contributor, _now: float) -> list[Effect] | None:
        if part.base == part.knowledge.books.applied:
            return None
        part.base, part._signed = part.knowledge.books.applied, None
        return []

    patch.setattr(Contributor, "offered", offered)
    break_row(patch, "CONTRIBUTOR", contributor.CONTRIBUTOR, contributor.rebase, rebase)


def drop_own_work(patch: Patch) -> None:
    """Cleaning up throws away contributions that are not committed yet."""

    def blobs_needed(self: Knowledge) -> set[Digest]:
        books, self.books = self.books, Books(applied=self.books.applied)
        needed = honest(self)
        self.books = books
        return needed

    honest = Knowledge.blobs_needed
    patch.setattr(Knowledge, "blobs_needed", blobs_needed)


def say_it_once(patch: Patch) -> None:
    """What was said once is not said again, although the network loses messages."""
    patch.setattr(Contributor, "say", lambda _self, _now: [])
