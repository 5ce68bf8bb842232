"""Promise: a sentinel lets in whom it may, hears the newest process only, and decides nothing it has not written."""

import msgspec
import pytest

from shoal_swarm.protocol.decisions import Admitted, Opened, Participant
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.ledger import sealed
from shoal_swarm.protocol.names import NodeName, RunId
from shoal_swarm.protocol.pieces import shares_of
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import (
    Announced,
    Contribution,
    Goodbye,
    Have,
    Join,
    JoinAgain,
    LedgerPart,
    Refused,
    Renewed,
)
from shoal_swarm.protocol.sentinel import effects as do
from shoal_swarm.protocol.sentinel import events as on
from shoal_swarm.protocol.signed import Manifest, SignedManifest, sign_bytes
from tests.unit.swarm.protocol.keys import sign
from tests.unit.swarm.protocol.swarm import CONFIG, FIT, RULES, RUN, Desk, desk, joined


def signed(node: str, root: bytes, *, base: int = -1, by: str | None = None, examples: int = 1) -> SignedManifest:
    manifest = Manifest(
        run=RUN, node=NodeName(node), round=0, root=digest_of(root), base=base, base_chain=b"", examples=examples
    )
    signature = (by or node).encode() + digest_of(sign_bytes(manifest))
    return SignedManifest(manifest=manifest, signature=signature)


@pytest.fixture
def open_round() -> Desk:
    place = desk()
    joined(place, ["ana", "ben"])
    place.lease("ana")
    place.lease("ben")
    place.said.clear()
    return place


def test_the_first_one_creates_the_run_and_is_admitted() -> None:
    place = desk()
    joined(place, ["ana"])
    assert place.kinds() == ["Created", "Admitted"]
    assert place.run.record.fit == FIT


def test_a_node_that_does_not_fit_gets_every_difference() -> None:
    place = desk()
    joined(place, ["ana"])
    place.join("ben", fit=msgspec.structs.replace(FIT, labels=digest_of(b"moons"), base_model=digest_of(b"gpt")))
    (refused,) = place.heard_by("ben")
    assert isinstance(refused, Refused)
    assert [reason.split(" ")[0] for reason in refused.reasons] == ["base", "labels"]
    assert place.run.record.admitted == ("ana",)


def test_a_node_with_another_configuration_is_refused() -> None:
    place = desk()
    joined(place, ["ana"])
    place.hear("ben", Join(run=RUN, boot_nonce="b", config_hash=digest_of(b"other"), fit=FIT, address="ben:1"))
    (refused,) = place.heard_by("ben")
    assert isinstance(refused, Refused)
    assert "is not this run's" in refused.reasons[0]


def test_of_two_that_come_together_and_differ_the_first_decides() -> None:
    place = desk()
    place.tick(1.0)
    place.answers = False
    place.join("ana")
    place.join("ben", fit=msgspec.structs.replace(FIT, labels=digest_of(b"moons")))
    record = place.run.record
    entry = sealed(Admitted(node=NodeName("ana"), fit=FIT), record.version, record.head, sign)
    place.feed(on.WriteWon(entry.hash))
    place.answers = True
    place.tick(4.0)
    assert place.run.record.admitted == ("ana",)


def test_an_older_process_is_told_that_a_newer_one_has_taken_over() -> None:
    place = desk()
    joined(place, ["ana"])
    place.join("ana", nonce="second boot")
    place.said.clear()
    place.lease("ana", incarnation=1)
    (again,) = place.heard_by("ana")
    assert again == JoinAgain(run=RUN, incarnation=1)
    place.join("ana", nonce="boot")
    (refused,) = place.heard_by("ana")
    assert isinstance(refused, Refused)
    assert refused.boot_nonce == "boot"
    assert "Process 2 of ana has taken over" in refused.reasons[0]


def test_a_process_that_is_not_known_after_a_restart_is_asked_to_join_again() -> None:
    place = desk()
    place.tick(1.0)
    place.lease("ana", incarnation=4)
    assert place.heard_by("ana") == [JoinAgain(run=RUN, incarnation=4)]


def test_round_zero_opens_with_one_contributor_when_everybody_is_ready(open_round: Desk) -> None:
    record = open_round.run.record
    assert (record.phase, record.round, record.attempt) == (Phase.OPEN, 0, 0)
    assert record.expected == ("ana",)
    assert [one.node for one in record.participants] == ["ana", "ben"]
    assert sorted(share.owner for share in record.shares) == ["ana", "ben"]


@pytest.mark.parametrize(("owners_max", "owners"), [(1000, 2), (1, 1)])
def test_a_round_has_no_more_owners_than_the_rules_allow(owners_max: int, owners: int) -> None:
    place = desk(msgspec.structs.replace(RULES, owners_max=owners_max))
    joined(place, ["ana", "ben"])
    place.lease("ana")
    place.lease("ben")
    shares = place.run.record.shares
    assert len(shares) == owners
    assert sum(share.count for share in shares) == FIT.piece_count


def test_nothing_is_told_before_it_is_written() -> None:
    place = desk()
    joined(place, ["ana", "ben"])
    place.answers = False
    place.lease("ana")
    place.lease("ben")
    assert not any(isinstance(message, LedgerPart) for _, message in place.said)
    assert place.run.record.phase is Phase.GATHERING


def test_a_lost_write_shows_what_somebody_else_decided_and_that_counts() -> None:
    place = desk()
    joined(place, ["ana", "ben"])
    place.answers = False
    place.lease("ana")
    place.lease("ben")
    record = place.run.record
    theirs = Opened(
        round=0,
        attempt=0,
        participants=(Participant(node=NodeName("ben"), incarnation=1, address="ben:1"),),
        expected=(NodeName("ben"),),
        shares=shares_of(FIT.pieces, [NodeName("ben")]),
        ready_s=(),
    )
    place.feed(on.WriteLost((sealed(theirs, record.version, record.head, sign),)))
    assert place.run.record.expected == ("ben",)


def test_owners_hear_of_a_contribution_once_the_sentinel_has_it_on_record(open_round: Desk) -> None:
    contribution = signed("ana", b"work")
    open_round.hear("ana", Contribution(run=RUN, incarnation=1, signed=contribution))
    for owner in ("ana", "ben"):
        (announced,) = open_round.heard_by(owner)
        assert isinstance(announced, Announced)
        assert announced.manifests == (contribution,)


@pytest.mark.parametrize(
    "claim",
    [signed("ben", b"work"), signed("ana", b"work", by="ben"), signed("ana", b"work", base=3)],
    ids=["somebody else's", "signed by somebody else", "from another base"],
)
def test_a_contribution_that_claims_too_much_is_not_taken(open_round: Desk, claim: SignedManifest) -> None:
    open_round.hear("ana", Contribution(run=RUN, incarnation=1, signed=claim))
    assert open_round.run.collected.manifests == {}
    assert "not its own" in open_round.alarms[-1]


def test_a_node_that_says_goodbye_is_not_awaited() -> None:
    place = desk()
    joined(place, ["ana", "ben", "eva"])
    for name in ("ana", "ben"):
        place.lease(name)
    assert place.run.record.phase is Phase.GATHERING
    place.hear("eva", Goodbye(run=RUN, incarnation=1))
    place.tick(7.0)
    place.lease("ana")
    place.lease("ben")
    place.tick(8.0)
    assert [one.node for one in place.run.record.participants] == ["ana", "ben"]


def test_a_lease_that_lags_is_answered_with_the_version_it_lacks(open_round: Desk) -> None:
    open_round.lease("ana")
    (renewed,) = open_round.heard_by("ana")
    assert renewed == Renewed(run=RUN, incarnation=1, version=open_round.run.record.version)


def test_a_register_that_is_behind_its_nodes_raises_an_alarm(open_round: Desk) -> None:
    open_round.run.note_version(99)
    open_round.feed(on.LedgerRead(()))
    assert "99 entries" in open_round.alarms[-1]


def test_another_run_is_none_of_its_business(open_round: Desk) -> None:
    other = Join(run=RunId("other"), boot_nonce="b", config_hash=CONFIG, fit=FIT, address="x")
    open_round.hear("ana", other)
    assert open_round.heard_by("ana") == []


@pytest.mark.parametrize(("claimed", "counts"), [(40, 25.0), (1 << 53, 25.0), (7, 7.0)])
def test_whoever_claims_more_examples_than_the_run_allows_weighs_no_more(claimed: int, counts: float) -> None:
    place = desk(msgspec.structs.replace(RULES, min_nodes=1, weight_max=25))
    joined(place, ["ana"])
    place.lease("ana")
    work = signed("ana", b"work", examples=claimed)
    place.hear("ana", Contribution(run=RUN, incarnation=1, signed=work))
    place.hear(
        "ana", Have(run=RUN, incarnation=1, round=0, attempt=0, complete=((NodeName("ana"), work.manifest.root),))
    )
    assert [member.weight for member in place.run.record.cut] == [counts]


def test_a_register_that_fails_is_tried_again_once_a_tick_and_complained_of_once() -> None:
    """A disk stays full for hours: trying at once, and saying so each time, would fill what is left of it."""
    place = desk()
    place.answers = False
    place.feed(on.Ticked())
    failed = on.WriteFailed("The disk is full.")
    writes = []
    for event in (failed, on.LedgerRead(()), on.Ticked(), failed, on.LedgerRead(()), on.Ticked()):
        effects = place.run.handle(event, place.now)
        place.alarms += [effect.sentence for effect in effects if isinstance(effect, do.Alarm)]
        writes.append(any(isinstance(effect, do.WriteRecord) for effect in effects))
    assert writes == [False, False, True, False, False, True]
    assert place.alarms == ["The register did not take a write, which is tried again: The disk is full."]
