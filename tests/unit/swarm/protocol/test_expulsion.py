"""Promise: whoever is revoked, or signs two things for one round, is named and in no cut; all others go on."""

import msgspec
import pytest

from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import Contribution, Have
from shoal_swarm.protocol.sentinel import events as on
from shoal_swarm.sentinel.overview import overview
from tests.unit.swarm.protocol.swarm import RULES, RUN, Desk, desk, joined
from tests.unit.swarm.protocol.test_sentinel_run import signed

ANA, BEN = NodeName("ana"), NodeName("ben")


@pytest.fixture
def place() -> Desk:
    made = desk(msgspec.structs.replace(RULES, min_nodes=1))
    joined(made, ["ana", "ben"])
    made.lease("ana")
    made.lease("ben")
    assert (made.run.record.phase, made.run.record.expected) == (Phase.OPEN, (ANA,))
    return made


def _contribute(place: Desk, work: bytes, incarnation: int = 1) -> None:
    place.hear("ana", Contribution(run=RUN, incarnation=incarnation, signed=signed("ana", work)))


def _cut(place: Desk) -> None:
    root = place.run.collected.manifests[ANA].manifest.root
    for owner in {share.owner for share in place.run.record.shares}:
        place.hear(owner, Have(run=RUN, incarnation=1, round=0, attempt=0, complete=((ANA, root),)))
    assert place.run.record.phase is Phase.CUT


def test_two_contributions_of_one_process_are_evidence_and_neither_counts(place: Desk) -> None:
    _contribute(place, b"one")
    _contribute(place, b"other")
    assert place.run.collected.manifests == {}
    assert "ana signed two contributions to round 0" in place.alarms[-1]
    first, second = place.run.two_faced[ANA]
    assert first.manifest.root != second.manifest.root
    _contribute(place, b"one")
    assert place.run.collected.manifests == {}
    member = next(one for one in overview(place.run, place.now)["members"] if one["node"] == "ana")
    assert member["two_faced"] == [first.manifest.root.hex(), second.manifest.root.hex()]


def test_the_same_contribution_said_again_is_no_second_one(place: Desk) -> None:
    _contribute(place, b"one")
    _contribute(place, b"one")
    assert list(place.run.collected.manifests) == [ANA]
    assert place.run.two_faced == {}


def test_a_process_that_lost_its_disk_may_come_with_other_work(place: Desk) -> None:
    _contribute(place, b"one")
    place.join("ana", nonce="second boot")
    _contribute(place, b"other", incarnation=2)
    assert place.run.collected.manifests[ANA] == signed("ana", b"other")
    assert place.run.two_faced == {}


def test_a_revoked_contributor_is_in_no_cut(place: Desk) -> None:
    _contribute(place, b"one")
    place.feed(on.Expelled(ANA))
    assert place.run.collected.manifests == {}
    assert "The certificate of ana was revoked" in place.alarms[-1]


def test_a_cut_with_a_revoked_contributor_is_given_up(place: Desk) -> None:
    _contribute(place, b"one")
    _cut(place)
    place.lease("ben")
    place.feed(on.Expelled(ANA))
    place.tick(place.now + 1.0)
    record = place.run.record
    assert (record.phase, record.attempt, record.expected) == (Phase.OPEN, 1, (BEN,))


def test_whoever_comes_back_with_another_certificate_is_welcome(place: Desk) -> None:
    place.feed(on.Expelled(ANA))
    assert place.run.expelled == {ANA}
    place.join("ana", nonce="second boot")
    assert place.run.expelled == set()
