"""Late work: what a node does with a contribution that the cut left out, so that nothing is lost or counted twice.

The life of a contribution, as its node keeps it in its books:

    frozen ──COMMIT names its root──────────────► forgotten
       │
       └──COMMIT of its round without it──► carried ──folded into a newer contribution──► named in its `folds`
                                                        (forgotten when a COMMIT carries that one, and so on)

A contribution is forgotten for one reason only: a COMMIT carries its root, or the root of one whose manifest
names it. That the node's name appears in a COMMIT proves nothing: a node that lost its disk may come back
with new work while its old work is being committed.

Round zero is the exception: the adapter that all start from is no work, so a designated node's adapter that
was not committed is dropped.
"""

from collections.abc import Collection, Sequence

import msgspec

from shoal_swarm.protocol.decisions import Contributor
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, NO_DIGEST, Digest, NodeName, Value


class Kept(Value, frozen=True):
    """A frozen contribution: durable, and unchanged until it is forgotten."""

    round: int
    root: Digest
    pieces: tuple[Digest, ...]
    examples: int
    folds: tuple[Digest, ...] = ()

    @property
    def roots(self) -> tuple[Digest, ...]:
        """Everything whose work is inside."""
        return (self.root, *self.folds)


class Books(Value, frozen=True):
    """What a node must find again after a crash; written whole, so the last whole page counts."""

    applied: int = BEFORE_ROUND_ZERO
    chain: Digest = NO_DIGEST
    frozen: Kept | None = None
    carried: tuple[Kept, ...] = ()

    @property
    def carried_roots(self) -> tuple[Digest, ...]:
        """What the next contribution must name as folded in."""
        return tuple(root for kept in self.carried for root in kept.roots)


class Fold(Value, frozen=True):
    """Late work that the trainer adds to a new base: s(age) times what it changed against the base it came from."""

    root: Digest
    base: int
    age: int


def roots_settled(contributors: Sequence[Contributor], node: NodeName) -> tuple[Digest, ...]:
    """Contributions of a node whose work is in the shared state once this cut is committed."""
    return tuple(
        root
        for one in contributors
        if one.signed.manifest.node == node
        for root in (one.signed.manifest.root, *one.signed.manifest.folds)
    )


def freeze(books: Books, root: Digest, pieces: tuple[Digest, ...], examples: int) -> Books:
    """The books with a new contribution to the next round; what was carried is inside it now."""
    frozen = Kept(round=books.applied + 1, root=root, pieces=pieces, examples=examples, folds=books.carried_roots)
    return msgspec.structs.replace(books, frozen=frozen, carried=())


def apply(books: Books, round_index: int, chain: Digest, settled: Collection[Digest]) -> Books:
    """The books after a COMMIT: what it settled is forgotten, what it left out is carried."""
    outstanding = (*books.carried, *(() if books.frozen is None else (books.frozen,)))
    carried = tuple(kept for kept in outstanding if kept.root not in settled and kept.round > 0)
    return Books(applied=round_index, chain=chain, frozen=None, carried=carried)


def strike(books: Books, damaged: Collection[Digest]) -> Books:
    """The books without contributions whose bytes are gone: what can't be sent or folded helps nobody."""
    frozen = None if books.frozen is not None and books.frozen.root in damaged else books.frozen
    carried = tuple(kept for kept in books.carried if kept.root not in damaged)
    return msgspec.structs.replace(books, frozen=frozen, carried=carried)


def folds(books: Books) -> tuple[Fold, ...]:
    """What the trainer is to fold into the base just applied."""
    return tuple(
        Fold(root=kept.root, base=kept.round - 1, age=books.applied - kept.round + 1) for kept in books.carried
    )
