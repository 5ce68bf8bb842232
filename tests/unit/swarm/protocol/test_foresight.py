"""Promise: an owner has each piece merged ahead once, as soon as it is here from everybody who is expected."""

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.protocol.peer.effects import MergeInput, MergeShare
from shoal_swarm.protocol.peer.foresight import Foresight
from shoal_swarm.protocol.signed import Manifest

ANA, BEN = ((NodeName(name), tuple(digest_of(f"{name} {piece}".encode()) for piece in range(3))) for name in ("a", "b"))


def order(*members: tuple[NodeName, tuple[Digest, ...]]) -> MergeShare:
    inputs = tuple(MergeInput(node, digest_of(node.encode()), 0.5, pieces) for node, pieces in members)
    return MergeShare(round=1, attempt=0, first=0, base=(), inputs=inputs)


def manifest(node: NodeName) -> Manifest:
    root = digest_of(node.encode())
    return Manifest(run=RunId("run"), node=node, round=1, root=root, base=0, base_chain=root, examples=10)


def test_a_piece_is_due_once_and_only_when_it_is_here_from_everybody() -> None:
    foresight, here = Foresight(), {ANA[1][0], ANA[1][2], BEN[1][1], BEN[1][2]}
    foresight.expect(order(ANA, BEN))
    (due,) = foresight.due(here.__contains__)
    assert due.offsets == (2,)
    assert foresight.due(here.__contains__) == []
    here |= {ANA[1][1], BEN[1][0]}
    (due,) = foresight.due(here.__contains__)
    assert due.offsets == (0, 1)
    assert due.order == order(ANA, BEN)
    assert foresight.due(lambda _piece: True) == []


def test_nothing_is_due_before_anything_is_expected_and_after_the_attempt() -> None:
    foresight = Foresight()
    assert foresight.due(lambda _piece: True) == []
    foresight.expect(order(ANA, BEN))
    foresight.clear()
    assert foresight.due(lambda _piece: True) == []
    assert not foresight.is_of([])


def test_it_is_of_the_contributions_that_it_was_made_from() -> None:
    foresight = Foresight()
    foresight.expect(order(ANA, BEN))
    assert foresight.is_of([manifest(ANA[0]), manifest(BEN[0])])
    assert not foresight.is_of([manifest(ANA[0])])
    foresight.expect(None)
    assert not foresight.is_of([manifest(ANA[0]), manifest(BEN[0])])
