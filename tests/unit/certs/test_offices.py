"""What an authority does is done once and whole, alone, and no serial or record is lost among many who ask at once."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from shoal_certs.authority_folder import AuthorityPlaces
from shoal_certs.checkup import check_up
from shoal_certs.cli.options import now
from shoal_certs.credentials import CredentialFiles, Credentials
from shoal_certs.files import locked
from shoal_certs.identity_folder import identity_folders
from shoal_certs.records import live_records
from tests.unit.certs.desk import SWARM, hidden_files, make_swarm, must, shoal_certs

PROCESSES = 8


@pytest.fixture
def reef(tmp_path: Path) -> Path:
    return make_swarm(tmp_path / "reef")


def test_the_second_of_two_commands_is_refused(reef: Path) -> None:
    with locked(reef / ".lock"):
        for words in (("issue", "--role", "node", "--name", "eve"), ("renew", "ana"), ("revoke", "ana"), ("crl",)):
            refused = shoal_certs(*words, "--dir", reef)
            assert (refused.code, "is in use by another" in refused.err) == (7, True)
    assert len(AuthorityPlaces(reef).records.all()) == 2


def test_eight_processes_that_issue_at_once_lose_nothing(reef: Path) -> None:
    children = []
    for at in range(PROCESSES):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                while (code := shoal_certs("issue", "--role", "node", "--name", f"eve-{at}", "--dir", reef).code) == 7:
                    pass
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * PROCESSES
    records = AuthorityPlaces(reef).records.all()
    assert len({record.serial for record in records}) == len(records) == PROCESSES + 2
    assert {record.who.name for record in records} == {folder.name for folder in identity_folders(reef)}
    assert not check_up(reef, now()).problems
    assert not hidden_files(reef)


def test_a_name_has_one_live_certificate_and_one_role(reef: Path) -> None:
    for role, words in (("node", "renew it with"), ("sentinel", "one name has one role")):
        refused = shoal_certs("issue", "--role", role, "--name", "ana", "--dir", reef)
        assert (refused.code, words in refused.err) == (3, True)


def test_replacing_revokes_the_old_one(reef: Path, tmp_path: Path) -> None:
    (reef / "ana").rename(tmp_path / "lost")
    must("issue", "--role", "node", "--name", "ana", "--replace", "--dir", reef)
    places = AuthorityPlaces(reef)
    revoked = max(places.revocation_lists(), key=lambda one: one.number).serials
    anas = [record for record in places.records.all() if record.who.name == "ana"]
    assert [record.serial_number in revoked for record in anas] == [True, False] or len(anas) == 2
    assert len(live_records(anas, revoked, now())) == 1
    assert not check_up(reef, now()).problems


@pytest.mark.parametrize("name", ["authority", "capath"])
def test_the_authoritys_own_folders_are_no_names(reef: Path, name: str) -> None:
    refused = shoal_certs("issue", "--role", "node", "--name", name, "--dir", reef)
    assert (refused.code, "choose another name" in refused.err) == (3, True)


@pytest.mark.parametrize("name", ["../reef/ana", "/etc", "ana/", ".", ".."])
def test_a_path_is_no_name(reef: Path, name: str) -> None:
    refused = shoal_certs("renew", name, "--dir", reef)
    assert (refused.code, "bad-name" in refused.err) == (5, True)


def test_a_renewal_has_a_fresh_key_unless_told_otherwise(reef: Path) -> None:
    key = (reef / "ana/key.pem").read_bytes()
    must("renew", "ana", "--same-key", "--dir", reef)
    assert (reef / "ana/key.pem").read_bytes() == key
    must("renew", "ana", "--dir", reef)
    assert (reef / "ana/key.pem").read_bytes() != key
    assert not check_up(reef, now()).problems


def test_what_was_revoked_is_not_renewed(reef: Path) -> None:
    must("revoke", "ana", "--dir", reef)
    refused = shoal_certs("renew", "ana", "--dir", reef)
    assert (refused.code, "issue a new one with" in refused.err) == (5, True)
    again = must("revoke", "ana", "--dir", reef)
    assert "was revoked or had expired already" in again.out


def test_one_serial_can_be_revoked_and_nobody_is_not(reef: Path) -> None:
    record = next(one for one in AuthorityPlaces(reef).records.all() if one.who.name == "ana")
    said = must("revoke", record.serial.upper(), "--dir", reef, "--json")
    assert said.facts["revoked"] == [record.serial]
    refused = shoal_certs("revoke", "nobody", "--dir", reef)
    assert (refused.code, "neither a name nor a serial" in refused.err) == (3, True)


def test_lists_are_numbered_upwards_and_keep_what_was_revoked(reef: Path) -> None:
    numbers = []
    for words in (("crl",), ("revoke", "ana"), ("revoke", "ben"), ("crl",)):
        must(*words, "--dir", reef)
        newest = max(AuthorityPlaces(reef).revocation_lists(), key=lambda one: one.number)
        numbers.append((newest.number, len(newest.serials)))
    assert numbers == [(2, 0), (3, 1), (4, 2), (5, 2)]


def test_a_renewed_issuing_certificate_keeps_leaves_and_lists_good(reef: Path) -> None:
    must("renew", "--issuing", "--dir", reef)
    assert not check_up(reef, now()).problems
    must("renew", "ana", "--dir", reef)
    must("revoke", "ben", "--dir", reef)
    assert Credentials.load(CredentialFiles.in_folder(reef / "ana"), now()).identity.name == "ana"


def test_a_year_later_the_way_on_is_told(reef: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = now() + timedelta(days=400)
    monkeypatch.setattr("shoal_certs.cli.authority.now", lambda: later)
    refused = shoal_certs("issue", "--role", "node", "--name", "eve", "--dir", reef)
    assert (refused.code, "renew --issuing" in refused.err) == (3, True)
    must("renew", "--issuing", "--dir", reef)
    must("crl", "--dir", reef)
    must("issue", "--role", "node", "--name", "eve", "--dir", reef)
    assert Credentials.load(CredentialFiles.in_folder(reef / "eve"), later).identity.uri == f"spiffe://{SWARM}/node/eve"
