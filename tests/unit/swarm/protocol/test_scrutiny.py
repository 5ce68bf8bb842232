"""Promise: an owner has looked at what it says HAVE for, looks once, and says why it refuses the rest."""

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer.effects import MergeInput
from shoal_swarm.protocol.peer.scrutiny import Scrutiny
from shoal_swarm.protocol.round_messages import REASON_CHARACTERS_MAX

ONE, OTHER = (MergeInput(NodeName(name), digest_of(name.encode()), 1.0, ()) for name in ("ana", "ben"))


def test_each_contribution_is_looked_at_once() -> None:
    scrutiny = Scrutiny()
    assert [look.input for look in scrutiny.examine((1, 0), 0, [ONE])] == [ONE]
    assert [look.input for look in scrutiny.examine((1, 0), 0, [ONE, OTHER])] == [OTHER]
    scrutiny.judge(ONE.root, None)
    assert scrutiny.examine((1, 0), 0, [ONE, OTHER]) == []
    assert scrutiny.passed == {ONE.root}


def test_a_refusal_has_a_reason_that_fits_into_a_message() -> None:
    scrutiny = Scrutiny()
    scrutiny.judge(ONE.root, "No number. " * 100)
    assert len(scrutiny.refused[ONE.root]) == REASON_CHARACTERS_MAX
    assert scrutiny.passed == set()
    assert scrutiny.examine((1, 0), 0, [ONE]) == []


def test_what_went_missing_while_it_was_looked_at_is_looked_at_again() -> None:
    scrutiny = Scrutiny()
    scrutiny.examine((1, 0), 0, [ONE, OTHER])
    scrutiny.judge(OTHER.root, None)
    scrutiny.look_again()
    assert [look.input for look in scrutiny.examine((1, 0), 0, [ONE, OTHER])] == [ONE]


def test_another_attempt_begins_anew() -> None:
    scrutiny = Scrutiny()
    scrutiny.judge(ONE.root, None)
    scrutiny.judge(OTHER.root, "No number.")
    scrutiny.clear()
    assert [look.input for look in scrutiny.examine((1, 1), 0, [ONE, OTHER])] == [ONE, OTHER]
