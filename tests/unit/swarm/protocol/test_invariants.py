"""Promise: each invariant speaks up when, and only when, its promise is broken."""

import msgspec
import pytest

from shoal_swarm.protocol.decisions import Committed, Contributor, Created, CutMade, Decision, ShareCommitted
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.folding import Books, freeze
from shoal_swarm.protocol.invariants import InvariantBroken, Invariants
from shoal_swarm.protocol.ledger import LedgerEntry, sealed
from shoal_swarm.protocol.names import NO_DIGEST, Digest, NodeName
from shoal_swarm.protocol.signed import Manifest, Result, SignedManifest, SignedResult
from tests.unit.swarm.protocol.keys import sign
from tests.unit.swarm.protocol.swarm import CONFIG, RULES, RUN

ANA, BEN = NodeName("ana"), NodeName("ben")
CHAIN = digest_of(b"chain")


def root(name: str) -> Digest:
    return digest_of(name.encode())


def contributor(node: NodeName, name: str, *folds: str) -> Contributor:
    manifest = Manifest(
        run=RUN,
        node=node,
        round=1,
        root=root(name),
        base=0,
        base_chain=CHAIN,
        examples=1,
        folds=tuple(root(fold) for fold in folds),
    )
    return Contributor(signed=SignedManifest(manifest=manifest, signature=b""), weight=0.5)


class History:
    """Decisions in a row, fed to the invariants."""

    def __init__(self) -> None:
        self.invariants = Invariants(RULES)
        self.length = 0
        self.add(Created(run=RUN, config_hash=CONFIG))

    def add(self, decision: Decision) -> LedgerEntry:
        entry = sealed(decision, self.length, NO_DIGEST, sign)
        self.invariants.saw_entry(entry)
        self.length += 1
        return entry

    def commit(self, index: int, *contributors: Contributor) -> None:
        self.add(CutMade(round=index, attempt=0, contributors=contributors))
        self.add(Committed(round=index, attempt=0, results=(), chain=CHAIN))


@pytest.fixture
def history() -> History:
    return History()


def test_a_quiet_history_breaks_nothing(history: History) -> None:
    history.commit(1, contributor(ANA, "a"), contributor(BEN, "b"))
    history.commit(2, contributor(ANA, "c", "late"), contributor(BEN, "d"))
    history.invariants.saw_merge(1, 0, ((root("b"), 0.5), (root("a"), 0.5)))
    history.invariants.saw_books(ANA, Books(applied=2, chain=CHAIN))
    history.invariants.holds({root("x"): 1}, [root("x")])
    history.invariants.made_progress(made=True, bound_s=1.0)


def test_i1_one_entry_in_one_place_and_one_commit_a_round(history: History) -> None:
    history.commit(1, contributor(ANA, "a"), contributor(BEN, "b"))
    history.length -= 1
    with pytest.raises(InvariantBroken, match="I1 is broken: ledger entry 2 exists twice"):
        history.add(Created(run=RUN, config_hash=NO_DIGEST))
    history.length += 1
    with pytest.raises(InvariantBroken, match="I1 is broken: round 1 was committed twice"):
        history.add(Committed(round=1, attempt=0, results=(), chain=CHAIN))


def test_i1_what_is_applied_was_committed_and_is_there(history: History) -> None:
    with pytest.raises(InvariantBroken, match="I1 is broken: ana applied round 3"):
        history.invariants.saw_books(ANA, Books(applied=3, chain=CHAIN))
    with pytest.raises(InvariantBroken, match="I1 is broken: ana applied round 3 without"):
        history.invariants.saw_bytes(ANA, 3, whole=False)


@pytest.mark.parametrize("again", [contributor(ANA, "a"), contributor(ANA, "c", "a")], ids=["its root", "folded in"])
def test_i2_a_contribution_is_committed_once(history: History, again: Contributor) -> None:
    history.commit(1, contributor(ANA, "a"), contributor(BEN, "b"))
    with pytest.raises(InvariantBroken, match="I2 is broken: a contribution is in rounds 1 and 2"):
        history.commit(2, again, contributor(BEN, "d"))


def test_i3_a_share_merges_its_cut_and_a_cut_is_a_quorum(history: History) -> None:
    history.commit(1, contributor(ANA, "a"), contributor(BEN, "b"))
    with pytest.raises(InvariantBroken, match="I3 is broken: a share of round 1"):
        history.invariants.saw_merge(1, 0, ((root("a"), 1.0),))
    with pytest.raises(InvariantBroken, match="I3 is broken: round 2 has 1 contributors"):
        history.commit(2, contributor(ANA, "c"))
    history.length += 1
    with pytest.raises(InvariantBroken, match="I3 is broken: round 0 has 2 contributors"):
        history.commit(0, contributor(ANA, "x"), contributor(BEN, "y"))


def test_i4_every_piece_lies_somewhere(history: History) -> None:
    with pytest.raises(InvariantBroken, match="I4 is broken: 1 pieces"):
        history.invariants.holds({root("x"): 2}, [root("x"), root("y")])


def test_i4_a_commit_names_as_many_different_holders_as_were_promised(history: History) -> None:
    result = Result(run=RUN, node=ANA, round=0, attempt=0, first=0, count=0, root=root("result"))
    share = ShareCommitted(signed=SignedResult(result=result, signature=b""), holders=(ANA, ANA))
    history.add(CutMade(round=0, attempt=0, contributors=(contributor(ANA, "first"),)))
    with pytest.raises(InvariantBroken, match="I4 is broken: round 0 counts on 1 copies"):
        history.add(Committed(round=0, attempt=0, results=(share,), chain=CHAIN))


def test_i5_a_frozen_contribution_leaves_the_books_by_a_commit_only(history: History) -> None:
    history.commit(0, contributor(ANA, "first"))
    frozen = freeze(Books(applied=0, chain=CHAIN), root("a"), (), 1)
    history.invariants.saw_books(ANA, frozen)
    with pytest.raises(InvariantBroken, match="I5 is broken: ana forgot"):
        history.invariants.saw_books(ANA, Books(applied=0, chain=CHAIN))
    history.commit(1, contributor(ANA, "a"), contributor(BEN, "b"))
    history.invariants.saw_books(ANA, Books(applied=1, chain=CHAIN))


def test_i5_what_went_down_with_a_disk_is_excused(history: History) -> None:
    history.commit(0, contributor(ANA, "first"))
    for node, excuse in ((ANA, history.invariants.lost_disk), (BEN, None)):
        history.invariants.saw_books(node, freeze(Books(applied=0, chain=CHAIN), root(node), (), 1))
        if excuse is None:
            history.invariants.excuse([root(node)])
        else:
            excuse(node)
        history.invariants.saw_books(node, Books(applied=0, chain=CHAIN))


def test_i5_what_is_said_to_be_durable_is(history: History) -> None:
    history.invariants.said(ANA, "that it holds results", durable=True)
    with pytest.raises(InvariantBroken, match="a crash now would make that a lie"):
        history.invariants.said(ANA, "that it holds results", durable=False)


def test_i6_a_bound_is_a_bound_and_nobody_well_is_left_out(history: History) -> None:
    with pytest.raises(InvariantBroken, match="I6 is broken: no progress within 9 s"):
        history.invariants.made_progress(made=False, bound_s=9.0)
    with pytest.raises(InvariantBroken, match="I6 is broken: round 4 left out"):
        history.invariants.was_patient(4, patient=False)


def test_i7_nothing_goes_back(history: History) -> None:
    history.commit(0, contributor(ANA, "first"))
    history.commit(1, contributor(ANA, "a"), contributor(BEN, "b"))
    history.invariants.saw_books(ANA, Books(applied=1, chain=CHAIN))
    with pytest.raises(InvariantBroken, match="I7 is broken: ana went back to round 0"):
        history.invariants.saw_books(ANA, msgspec.structs.replace(Books(), applied=0, chain=CHAIN))
    history.length += 5
    with pytest.raises(InvariantBroken, match="I7 is broken: ledger entry"):
        history.add(Created(run=RUN, config_hash=CONFIG))
