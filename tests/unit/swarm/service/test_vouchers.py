"""A voucher holds for its signer, its bytes, its purpose and its moment, and for nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest

from shoal_certs.certificates import read_certificate, read_chain
from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Role
from shoal_certs.profile import LEAF_LIFETIME
from shoal_certs.validator import Certified, validate
from shoal_swarm.protocol.names import SENTINEL, NodeName
from shoal_swarm.service import vouchers
from shoal_swarm.service.vouchers import MOMENT_BYTES, Vouching
from shoal_swarm.transport import keyring
from shoal_swarm.transport.keyring import Keyring
from tests import parties
from tests.parties import Town

ANA, BEN = NodeName("ana"), NodeName("ben")
YEAR = timedelta(days=365)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path / "town")


def test_everybody_can_check_what_a_node_or_the_sentinel_vouches_for(town: Town) -> None:
    ana, ben = Vouching(town.keyring("ana")), Vouching(town.keyring("ben"))
    sentinel = Vouching(town.keyring("any-name", Role.SENTINEL))
    assert ben.verify(ANA, b"mine", ana.sign(b"mine"))
    assert ben.verify(SENTINEL, b"entry", sentinel.sign(b"entry"))


def test_what_another_signed_or_changed_does_not_hold(town: Town) -> None:
    ana, ben = Vouching(town.keyring("ana")), Vouching(town.keyring("ben"))
    good = ana.sign(b"mine")
    assert not ben.verify(BEN, b"mine", good)
    assert not ben.verify(ANA, b"other", good)
    assert not ben.verify(SENTINEL, b"mine", good)
    far, signature, chain = good[:MOMENT_BYTES], good[MOMENT_BYTES : MOMENT_BYTES + 64], good[MOMENT_BYTES + 64 :]
    earlier = (int.from_bytes(far) - 1).to_bytes(MOMENT_BYTES)
    moved = (earlier + signature + chain, b"\xff" * MOMENT_BYTES + signature + chain, far + bytes(64) + chain)
    for torn in (b"", good[:64], good[:-1], good + b"x", good + b"\x00\x00", signature + chain, *moved):
        assert not ben.verify(ANA, b"mine", torn)


def test_a_sentinel_cannot_pass_for_a_node_nor_a_stranger_for_anybody(town: Town, tmp_path: Path) -> None:
    ben = Vouching(town.keyring("ben"))
    sentinel = Vouching(town.keyring("ana", Role.SENTINEL))
    stranger = Vouching(Town(tmp_path / "other").keyring("ana"))
    assert not ben.verify(ANA, b"mine", sentinel.sign(b"mine"))
    assert not ben.verify(ANA, b"mine", stranger.sign(b"mine"))


def _today_is(monkeypatch: pytest.MonkeyPatch, days_away: timedelta) -> None:
    """Let everybody's wall clock show another day."""
    moment = parties.datetime.now(parties.UTC) + days_away
    for module, name in ((keyring, "utc_now"), (vouchers, "utc_now"), (parties, "now")):
        monkeypatch.setattr(module, name, lambda: moment)


def test_history_holds_when_its_signers_certificate_has_expired_and_fresh_work_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _today_is(monkeypatch, -YEAR)
    town = Town(tmp_path / "town")
    entry = Vouching(town.keyring("old", Role.SENTINEL)).sign(b"entry")
    work = Vouching(town.keyring("ana")).sign(b"mine")
    _today_is(monkeypatch, -YEAR + LEAF_LIFETIME * 2)
    town.publish()
    ben = Vouching(town.keyring("ben"))
    assert ben.verify(SENTINEL, b"entry", entry)
    assert not ben.verify(ANA, b"mine", work)


def test_what_a_sentinel_signed_before_it_was_revoked_holds_and_what_it_signed_later_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _today_is(monkeypatch, timedelta())
    town = Town(tmp_path / "town")
    files = town.files("old", Role.SENTINEL)
    old = Keyring(files)
    entry = Vouching(old).sign(b"entry")
    _today_is(monkeypatch, timedelta(minutes=10))
    town.revoke(_serial_in(files))
    ben = Vouching(town.keyring("ben"))
    assert ben.verify(SENTINEL, b"entry", entry)
    _today_is(monkeypatch, timedelta(minutes=20))
    assert not ben.verify(SENTINEL, b"entry", Vouching(old).sign(b"entry"))


def test_a_chain_is_taken_apart_once_until_another_list_is_in_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    town = Town(tmp_path / "town")
    files, judge = town.files("ana"), town.keyring("ben")
    work, calls = Vouching(Keyring(files)).sign(b"mine"), 0

    def counted(*facts: object, **more: object) -> Certified:
        nonlocal calls
        calls += 1
        return validate(*facts, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(keyring, "validate", counted)
    assert all(Vouching(judge).verify(ANA, b"mine", work) for _ in range(3))
    assert calls == 1
    assert not Vouching(judge).verify(BEN, b"mine", work)
    town.revoke(_serial_in(files))
    assert judge.refresh()
    assert not any(Vouching(judge).verify(ANA, b"mine", work) for _ in range(3))
    assert calls == 5


def test_a_clock_that_was_stepped_makes_no_signature_that_nobody_believes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    town = Town(tmp_path / "town")
    sentinel, ben = Vouching(town.keyring("old", Role.SENTINEL)), Vouching(town.keyring("ben"))
    for step in (-YEAR, YEAR):
        monkeypatch.setattr(vouchers, "utc_now", lambda step=step: parties.now() + step)
        assert ben.verify(SENTINEL, b"entry", sentinel.sign(b"entry"))


def _serial_in(files: CredentialFiles) -> int:
    return read_certificate(read_chain(files.cert.read_bytes(), "it")[0], "it").serial_number
