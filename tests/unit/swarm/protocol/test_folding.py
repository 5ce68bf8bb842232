"""Promise: a contribution leaves the books only when a COMMIT carries it, and its work is folded in once."""

from shoal_swarm.protocol.decisions import Contributor
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.folding import Books, Fold, Kept, apply, folds, freeze, roots_settled, strike
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.protocol.signed import Manifest, SignedManifest

CHAIN, PIECE = digest_of(b"chain"), digest_of(b"piece")


def root(name: str) -> Digest:
    return digest_of(name.encode())


def test_a_committed_root_is_forgotten() -> None:
    books = freeze(Books(applied=4), root("a"), (PIECE,), 10)
    assert books.frozen == Kept(round=5, root=root("a"), pieces=(PIECE,), examples=10)
    assert apply(books, 5, CHAIN, {root("a")}) == Books(applied=5, chain=CHAIN)


def test_a_root_that_was_left_out_is_carried_and_named_by_the_next() -> None:
    late = apply(freeze(Books(applied=4), root("a"), (PIECE,), 10), 5, CHAIN, ())
    assert late.carried_roots == (root("a"),)
    assert folds(late) == (Fold(root=root("a"), base=4, age=1),)
    later = apply(freeze(late, root("b"), (PIECE,), 10), 6, CHAIN, ())
    assert later.carried_roots == (root("b"), root("a"))
    assert [fold.root for fold in folds(later)] == [root("b")]
    assert apply(freeze(later, root("c"), (PIECE,), 10), 7, CHAIN, {root("c")}).carried == ()


def test_a_node_that_missed_rounds_knows_how_old_its_work_is() -> None:
    late = apply(freeze(Books(applied=4), root("a"), (PIECE,), 10), 9, CHAIN, ())
    assert folds(late) == (Fold(root=root("a"), base=4, age=5),)


def test_a_first_adapter_that_was_not_chosen_is_no_work_and_is_dropped() -> None:
    assert apply(freeze(Books(), root("a"), (PIECE,), 10), 0, CHAIN, ()).carried == ()


def test_a_name_in_the_cut_settles_only_the_roots_that_stand_beside_it() -> None:
    manifest = Manifest(
        run=RunId("run"),
        node=NodeName("ana"),
        round=3,
        root=root("old"),
        base=2,
        base_chain=CHAIN,
        examples=1,
        folds=(root("older"),),
    )
    cut = [Contributor(signed=SignedManifest(manifest=manifest, signature=b""), weight=1.0)]
    assert roots_settled(cut, NodeName("ana")) == (root("old"), root("older"))
    assert roots_settled(cut, NodeName("ben")) == ()
    mine = freeze(Books(applied=2), root("new"), (PIECE,), 10)
    assert apply(mine, 3, CHAIN, roots_settled(cut, NodeName("ana"))).carried_roots == (root("new"),)


def test_what_a_disk_lost_is_struck() -> None:
    books = freeze(apply(freeze(Books(applied=1), root("a"), (), 1), 2, CHAIN, ()), root("b"), (), 1)
    assert strike(books, {root("b")}).frozen is None
    late = apply(freeze(Books(applied=1), root("a"), (), 1), 2, CHAIN, ())
    assert strike(late, {root("a")}).carried == ()
    assert strike(late, {root("b")}) == late
