"""A certificate by letter: the key stays at home, the approver decides, and trust is told by another way."""

import json
import shutil
from pathlib import Path

import pytest

from shoal_certs.certificates import pem_of
from shoal_certs.checkup import check_up
from shoal_certs.cli.options import now
from shoal_certs.credentials import CredentialFiles, Credentials
from shoal_certs.files import locked
from tests.unit.certs.desk import SWARM, make_swarm, must, root_fingerprint, shoal_certs
from tests.workshop import Workshop


@pytest.fixture
def reef(tmp_path: Path) -> Path:
    return make_swarm(tmp_path / "reef", [])


def ask(folder: Path, name: str = "cyd", *more: str, role: str = "node") -> str:
    told = must("request", "--swarm", SWARM, "--role", role, "--name", name, "--out", folder, "--json", *more)
    found = told.facts["hash"]
    assert isinstance(found, str)
    return found


def answer(reef: Path, folder: Path, told: str, name: str = "cyd", *more: str) -> Path:
    request = folder / "request.json"
    must("approve", request, "--role", "node", "--name", name, "--hash", told, "--dir", reef, *more)
    return folder / "response.json"


def install(reef: Path, folder: Path) -> None:
    must("install", folder / "response.json", "--into", folder, "--root", root_fingerprint(reef))


def identity_of(folder: Path) -> str:
    return Credentials.load(CredentialFiles.in_folder(folder), now()).identity.uri


def test_a_party_far_away_gets_its_certificate_and_its_key_never_travels(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    told = ask(home)
    answer(reef, home, told)
    install(reef, home)
    assert identity_of(home) == f"spiffe://{SWARM}/node/cyd"
    assert not check_up(home, now()).problems
    assert not (home / "request.json").exists()
    key = (home / "key.pem").read_text()
    secret = key.splitlines()[1]
    for travels in [home / "response.json", *(path for path in reef.rglob("*") if path.is_file())]:
        assert secret not in travels.read_text(), travels


def test_what_travels_holds_no_private_key(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    answer(reef, home, ask(home))
    for travels in ("request.json", "response.json"):
        assert "PRIVATE KEY" not in (home / travels).read_text()


def test_both_sides_see_the_same_hash(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    told = ask(home)
    again = must(
        *("approve", home / "request.json", "--role", "node", "--name", "cyd", "--dir", reef, "--json"),
        *("--hash", told.upper().replace("-", " ")),
    )
    assert again.facts["hash"] == told
    assert len(told.replace("-", "")) == 20


def test_another_key_in_between_is_refused(reef: Path, tmp_path: Path) -> None:
    told = ask(tmp_path / "cyd")
    ask(tmp_path / "mallory")
    shutil.copy(tmp_path / "mallory/request.json", tmp_path / "cyd/request.json")
    refused = shoal_certs(
        *("approve", tmp_path / "cyd/request.json", "--role", "node", "--name", "cyd", "--hash", told, "--dir", reef)
    )
    assert (refused.code, "wrong-hash" in refused.err) == (5, True)
    assert not (tmp_path / "cyd/response.json").exists()


def test_a_request_that_was_not_made_by_its_key_is_refused(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    told = ask(home)
    file = json.loads((home / "request.json").read_text())
    lines = file["csr"].splitlines()
    lines[-2] = lines[-2][:-8] + ("AAAA" if not lines[-2].endswith("AAAA") else "BBBB") + lines[-2][-4:]
    file["csr"] = "\n".join(lines) + "\n"
    (home / "request.json").write_text(json.dumps(file))
    refused = shoal_certs(
        *("approve", home / "request.json", "--role", "node", "--name", "cyd", "--hash", told, "--dir", reef)
    )
    assert refused.code == 5
    assert "request-unproved" in refused.err or "request-malformed" in refused.err


def test_the_approver_decides_who_somebody_is(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    told = ask(home, "cyd", role="sentinel")
    said = must("approve", home / "request.json", "--role", "node", "--name", "dan", "--hash", told, "--dir", reef)
    assert "asked for" in said.out
    install(reef, home)
    assert identity_of(home) == f"spiffe://{SWARM}/node/dan"


def test_the_same_request_gets_the_same_answer_again(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    told = ask(home)
    first = answer(reef, home, told).read_bytes()
    assert answer(reef, home, told).read_bytes() == first


def test_a_key_that_had_a_certificate_under_another_name_gets_no_second(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    told = ask(home)
    answer(reef, home, told)
    refused = shoal_certs(
        *("approve", home / "request.json", "--role", "node", "--name", "dan", "--hash", told, "--dir", reef)
    )
    assert (refused.code, "key-reused" in refused.err) == (5, True)


def test_a_name_that_is_taken_needs_renewal_to_be_said(reef: Path, tmp_path: Path) -> None:
    answer(reef, tmp_path / "cyd", ask(tmp_path / "cyd"))
    told = ask(tmp_path / "other")
    words = ("approve", tmp_path / "other/request.json", "--role", "node", "--name", "cyd", "--hash", told)
    refused = shoal_certs(*words, "--dir", reef)
    assert (refused.code, "say --renewal" in refused.err) == (3, True)


def test_another_root_than_the_one_told_is_refused_and_nothing_changes(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    answer(reef, home, ask(home))
    before = sorted(path.name for path in home.iterdir() if path.name != ".lock")
    refused = shoal_certs("install", home / "response.json", "--into", home, "--root", "sha256:" + "0" * 64)
    assert (refused.code, "wrong-root" in refused.err) == (5, True)
    silent = shoal_certs("install", home / "response.json", "--into", home)
    assert (silent.code, "needs --root" in silent.err) == (3, True)
    assert sorted(path.name for path in home.iterdir() if path.name != ".lock") == before


@pytest.mark.parametrize("told", ["", "sha256:", "0", "the right one"])
def test_a_part_of_a_fingerprint_is_no_fingerprint(reef: Path, tmp_path: Path, told: str) -> None:
    home = tmp_path / "cyd"
    answer(reef, home, ask(home))
    refused = shoal_certs("install", home / "response.json", "--into", home, "--root", told)
    assert (refused.code, "wrong-root" in refused.err) == (5, True)


def test_a_second_root_beside_the_one_told_is_refused(reef: Path, tmp_path: Path) -> None:
    """Whoever carries the answer could otherwise add a root of his own and speak for everybody."""
    home = tmp_path / "cyd"
    response = answer(reef, home, ask(home))
    file = json.loads(response.read_text())
    evil = Workshop.open(now(), SWARM)
    file["bundle"] += pem_of([evil.root.certificate]).decode()
    response.write_text(json.dumps(file))
    refused = shoal_certs("install", response, "--into", home, "--root", root_fingerprint(reef))
    assert (refused.code, "wrong-root" in refused.err) == (5, True)
    assert not (home / "capath").exists()


def test_what_stands_between_the_blocks_is_not_put_in_place(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    response = answer(reef, home, ask(home))
    file = json.loads(response.read_text())
    evil = pem_of([Workshop.open(now(), SWARM).root.certificate]).decode()
    file["bundle"] += evil.replace("CERTIFICATE", "TRUSTED CERTIFICATE")
    file["crl"] += evil
    response.write_text(json.dumps(file))
    install(reef, home)
    assert (home / "capath/bundle.pem").read_bytes() == (reef / "capath/bundle.pem").read_bytes()
    assert (home / "capath/crl.pem").read_bytes() == (reef / "capath/crl.pem").read_bytes()


def test_an_answer_to_somebody_else_is_refused(reef: Path, tmp_path: Path) -> None:
    for name in ("cyd", "dan"):
        answer(reef, tmp_path / name, ask(tmp_path / name, name), name)
    words = ("install", tmp_path / "dan/response.json", "--into", tmp_path / "cyd", "--root", root_fingerprint(reef))
    refused = shoal_certs(*words)
    assert (refused.code, "key-mismatch" in refused.err) == (5, True)


def test_an_answer_from_another_authority_is_refused(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    told = ask(home)
    other = make_swarm(tmp_path / "other", [])
    answer(other, home, told)
    words = ("install", home / "response.json", "--into", home, "--root", root_fingerprint(reef))
    assert "wrong-root" in shoal_certs(*words).err


def test_a_renewal_by_letter_replaces_key_and_certificate(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    answer(reef, home, ask(home))
    install(reef, home)
    before = (home / "key.pem").read_bytes(), (home / "cert.pem").read_bytes()
    refused = shoal_certs("request", "--swarm", SWARM, "--role", "node", "--name", "cyd", "--out", home)
    assert (refused.code, "say --renewal" in refused.err) == (3, True)
    answer(reef, home, ask(home, "cyd", "--renewal"), "cyd", "--renewal")
    assert identity_of(home), "the old pair is in force while the answer is on its way"
    must("install", home / "response.json", "--into", home)
    after = (home / "key.pem").read_bytes(), (home / "cert.pem").read_bytes()
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert identity_of(home) == f"spiffe://{SWARM}/node/cyd"
    assert not (home / "key.next.pem").exists()


def test_a_newer_list_is_installed_and_an_older_one_is_not(reef: Path, tmp_path: Path) -> None:
    home = tmp_path / "cyd"
    answer(reef, home, ask(home))
    install(reef, home)
    old = tmp_path / "old.pem"
    shutil.copy(reef / "capath/crl.pem", old)
    must("crl", "--dir", reef)
    said = must("install", reef / "capath/crl.pem", "--into", home, "--json")
    assert said.facts["crl_number"] == 2
    refused = shoal_certs("install", old, "--into", home)
    assert (refused.code, "crl-rolled-back" in refused.err) == (5, True)
    stranger = make_swarm(tmp_path / "other", [])
    refused = shoal_certs("install", stranger / "capath/crl.pem", "--into", home)
    assert refused.code == 5
    assert "crl-bad-signature" in refused.err or "crl-wrong-issuer" in refused.err


def test_a_request_that_waits_is_not_replaced(reef: Path, tmp_path: Path) -> None:
    told = ask(tmp_path / "cyd")
    key = (tmp_path / "cyd/key.pem").read_bytes()
    refused = shoal_certs("request", "--swarm", SWARM, "--role", "node", "--name", "cyd", "--out", tmp_path / "cyd")
    assert (refused.code, told in refused.err) == (3, True)
    assert (tmp_path / "cyd/key.pem").read_bytes() == key
    assert reef.is_dir()


@pytest.mark.parametrize("command", ["request", "install"])
def test_two_commands_at_once_in_one_folder(reef: Path, tmp_path: Path, command: str) -> None:
    home = tmp_path / "cyd"
    answer(reef, home, ask(home))
    words = {
        "request": ("request", "--swarm", SWARM, "--role", "node", "--name", "cyd", "--out", home),
        "install": ("install", home / "response.json", "--into", home, "--root", root_fingerprint(reef)),
    }
    with locked(home / ".lock"):
        refused = shoal_certs(*words[command])
    assert (refused.code, "is in use by another" in refused.err) == (7, True)


def test_there_must_be_a_folder_to_install_into(reef: Path, tmp_path: Path) -> None:
    refused = shoal_certs("install", reef / "capath/crl.pem", "--into", tmp_path / "nowhere")
    assert (refused.code, "is no folder" in refused.err) == (4, True)
