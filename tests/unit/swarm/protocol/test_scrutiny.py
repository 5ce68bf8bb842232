"""Promise: an owner looks at every piece once, as it arrives, and says HAVE or why it refuses only after that."""

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer.effects import MergeInput
from shoal_swarm.protocol.peer.scrutiny import Scrutiny
from shoal_swarm.protocol.round_messages import REASON_CHARACTERS_MAX


def contribution(name: str) -> MergeInput:
    pieces = tuple(digest_of(f"{name} {number}".encode()) for number in range(2))
    return MergeInput(NodeName(name), digest_of(name.encode()), 1.0, pieces)


ONE, OTHER = contribution("ana"), contribution("ben")


def looked_at(
    scrutiny: Scrutiny, *inputs: MergeInput, here: set[Digest] | None = None
) -> list[tuple[str, tuple[int, ...]]]:
    """Who is looked at, and which pieces; all are here unless it is said which."""
    looks = scrutiny.examine((1, 0), 0, inputs, lambda piece: here is None or piece in here)
    return [(str(look.input.node), look.offsets) for look in looks]


def test_each_piece_is_looked_at_once_and_when_it_is_here() -> None:
    scrutiny = Scrutiny()
    assert looked_at(scrutiny, ONE, here={ONE.pieces[1]}) == [("ana", (1,))]
    assert looked_at(scrutiny, ONE, here={ONE.pieces[1]}) == []
    assert looked_at(scrutiny, ONE, OTHER) == [("ana", (0,)), ("ben", (0, 1))]
    assert looked_at(scrutiny, ONE, OTHER) == []


def test_a_contribution_has_passed_when_each_of_its_pieces_has() -> None:
    scrutiny = Scrutiny()
    assert not scrutiny.has_passed(ONE.root)
    looked_at(scrutiny, ONE, here={ONE.pieces[0]})
    scrutiny.judge(ONE.root, (0,), None)
    assert not scrutiny.has_passed(ONE.root)
    looked_at(scrutiny, ONE)
    assert not scrutiny.has_passed(ONE.root)
    scrutiny.judge(ONE.root, (1,), None)
    assert scrutiny.has_passed(ONE.root)


def test_a_refusal_has_a_reason_that_fits_into_a_message() -> None:
    scrutiny = Scrutiny()
    looked_at(scrutiny, ONE, here={ONE.pieces[0]})
    scrutiny.judge(ONE.root, (0,), "No number. " * 100)
    assert len(scrutiny.refused[ONE.root]) == REASON_CHARACTERS_MAX
    assert looked_at(scrutiny, ONE) == []
    assert not scrutiny.has_passed(ONE.root)


def test_one_bad_piece_is_enough_whatever_is_found_in_the_others() -> None:
    scrutiny = Scrutiny()
    looked_at(scrutiny, ONE)
    scrutiny.judge(ONE.root, (0,), "No number.")
    scrutiny.judge(ONE.root, (1,), None)
    assert scrutiny.refused == {ONE.root: "No number."}
    assert not scrutiny.has_passed(ONE.root)


def test_what_went_missing_while_it_was_looked_at_is_looked_at_again() -> None:
    scrutiny = Scrutiny()
    looked_at(scrutiny, ONE, OTHER)
    scrutiny.judge(OTHER.root, (0, 1), None)
    scrutiny.judge(ONE.root, (1,), None)
    scrutiny.look_again()
    assert looked_at(scrutiny, ONE, OTHER) == [("ana", (0,))]


def test_another_attempt_begins_anew() -> None:
    scrutiny = Scrutiny()
    looked_at(scrutiny, ONE, OTHER)
    scrutiny.judge(ONE.root, (0, 1), None)
    scrutiny.judge(OTHER.root, (0,), "No number.")
    scrutiny.clear()
    assert looked_at(scrutiny, ONE, OTHER) == [("ana", (0, 1)), ("ben", (0, 1))]
