"""Promise: a ledger entry that was changed, moved, forged or put in the wrong order can't stand."""

import msgspec
import pytest

from shoal_base.errors import PeerRefused
from shoal_swarm.protocol.decisions import Created, Ended
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.ledger import LedgerEntry, flaw, head_of, sealed, verify_ledger
from shoal_swarm.protocol.names import NO_DIGEST, NodeName, RunId
from shoal_swarm.protocol.record import Record, folded
from shoal_swarm.protocol.restore import restored
from tests.unit.swarm.protocol.keys import sign, verify


def ledger_of(*decisions: Created | Ended) -> list[LedgerEntry]:
    entries: list[LedgerEntry] = []
    for decision in decisions:
        entries.append(sealed(decision, len(entries), head_of(entries), sign))
    return entries


CREATED = Created(run=RunId("run"), config_hash=digest_of(b"config"))
LEDGER = ledger_of(CREATED, Ended(round=0), Ended(round=1))


def test_a_whole_ledger_stands_and_says_what_was_decided() -> None:
    assert verify_ledger(LEDGER, verify) == LEDGER[-1].hash
    assert LEDGER[0].decision() == CREATED


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (msgspec.structs.replace(LEDGER[1], body=LEDGER[2].body), "was changed after it was sealed"),
        (msgspec.structs.replace(LEDGER[1], signature=b"forged"), "the sentinel's signature"),
        (msgspec.structs.replace(LEDGER[1], index=2), "stands where entry 1 belongs"),
        (sealed(Ended(round=7), 1, digest_of(b"another past"), sign), "continues"),
    ],
    ids=["changed", "forged", "moved", "another past"],
)
def test_what_was_tampered_with_can_not_stand(entry: LedgerEntry, reason: str) -> None:
    assert reason in (flaw(entry, 1, LEDGER[0].hash, verify) or "")
    with pytest.raises(PeerRefused, match="The ledger is broken"):
        verify_ledger([LEDGER[0], entry], verify)


def test_an_entry_of_an_unknown_kind_is_refused_with_its_place() -> None:
    with pytest.raises(PeerRefused, match="Ledger entry 3 cannot be read"):
        LedgerEntry(index=3, previous=NO_DIGEST, body=b"\x81\xa4kind\xa3new", hash=NO_DIGEST, signature=b"").decision()


def test_a_decision_that_may_not_follow_is_refused() -> None:
    with pytest.raises(PeerRefused, match="Ended may not follow"):
        folded(LEDGER)
    with pytest.raises(PeerRefused, match="begins with Created"):
        folded(ledger_of(Ended(round=0)))
    with pytest.raises(PeerRefused, match="created twice"):
        folded(ledger_of(CREATED, CREATED))


def test_the_longest_ledger_restores_the_register() -> None:
    entries = ledger_of(CREATED)
    record, whole = restored({NodeName("ana"): entries, NodeName("ben"): []}, verify)
    assert whole == tuple(entries)
    assert record == Record(run=RunId("run"), config_hash=CREATED.config_hash, version=1, head=entries[0].hash)


def test_ledgers_that_differ_are_two_histories_and_nobody_chooses() -> None:
    other = ledger_of(Created(run=RunId("run"), config_hash=digest_of(b"another")))
    with pytest.raises(PeerRefused, match="history has forked"):
        restored({NodeName("ana"): ledger_of(CREATED), NodeName("ben"): other}, verify)
    with pytest.raises(PeerRefused, match="nothing to restore"):
        restored({NodeName("ana"): []}, verify)
