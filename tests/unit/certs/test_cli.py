"""Every command does what it says, in words and as JSON, and never overwrites an authority."""

import json
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from shoal_certs.certificates import read_certificate, read_chain
from shoal_certs.cli import certs
from shoal_certs.identity_folder import identity_folders
from tests.unit.certs.desk import SWARM, make_swarm, must, root_fingerprint, shoal_certs


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "reef"
    must("init", "--swarm", SWARM, "--out", folder, "--nodes", "3", "--host", "10.0.0.5", "--host", "reef.example")
    return folder


PARTIES = ["node-1", "node-2", "node-3", "operator-1", "orchestrator-1", "sentinel-1"]
MODES = {
    "": 0o700,
    "authority": 0o700,
    "authority/issued": 0o700,
    "authority/swarm.json": 0o644,
    "authority/root.pem": 0o644,
    "authority/root.key.pem": 0o400,
    "authority/issuing.pem": 0o644,
    "authority/issuing.key.pem": 0o600,
    "authority/crl.pem": 0o644,
    "authority/passphrase": 0o600,
    "capath": 0o755,
    "capath/bundle.pem": 0o644,
    "capath/crl.pem": 0o644,
    ".lock": 0o600,
}


def test_a_whole_swarm_is_there_with_its_modes(swarm: Path) -> None:
    wanted = dict(MODES)
    for name in PARTIES:
        wanted |= {name: 0o700, f"{name}/key.pem": 0o600, f"{name}/cert.pem": 0o644}
    found = {str(path.relative_to(swarm)): stat.S_IMODE(path.stat().st_mode) for path in swarm.rglob("*")}
    found = {name: mode for name, mode in found.items() if not name.startswith("authority/issued/")}
    assert {"": stat.S_IMODE(swarm.stat().st_mode), **found} == wanted
    records = list((swarm / "authority/issued").iterdir())
    assert len(records) == len(PARTIES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in records} == {0o600}


@pytest.mark.parametrize("name", PARTIES)
def test_names_of_containers_and_hosts_are_in_the_certificates(swarm: Path, name: str) -> None:
    leaf = read_certificate(read_chain((swarm / name / "cert.pem").read_bytes(), name)[0], name)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = names.get_values_for_type(x509.DNSName)
    assert {"localhost", name, "reef.example"} <= set(dns)
    assert ("sentinel" in dns) is (name == "sentinel-1")
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.5"]


@pytest.mark.parametrize("purpose", ["sslclient", "sslserver"])
@pytest.mark.parametrize("name", PARTIES)
def test_openssl_accepts_every_leaf(swarm: Path, name: str, purpose: str) -> None:
    cert, capath = swarm / name / "cert.pem", swarm / "capath"
    command = ["openssl", "verify", "-x509_strict", "-crl_check", "-purpose", purpose]
    command += ["-CAfile", str(capath / "bundle.pem"), "-CRLfile", str(capath / "crl.pem"), "-untrusted", str(cert)]
    ended = subprocess.run([*command, str(cert)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_verify_finds_nothing_wrong_and_show_lists_all(swarm: Path) -> None:
    assert must("verify", swarm).out.endswith("No problems.\n")
    assert must("verify", swarm / "node-1", "--json").facts["warnings"] == []
    shown = must("show", swarm)
    for name in PARTIES:
        assert f"/{name}  (" in shown.out
    assert root_fingerprint(swarm) in shown.out
    facts = must("show", swarm, "--json").facts
    assert isinstance(facts["issued"], list)
    assert len(facts["issued"]) == len(PARTIES)
    assert root_fingerprint(swarm) in must("show", swarm / "capath/bundle.pem").out


def test_an_authority_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    reef = make_swarm(tmp_path / "reef")
    before = {path: path.read_bytes() for path in reef.rglob("*") if path.is_file()}
    for words in ((), ("--nodes", "2")):
        refused = shoal_certs("init", "--swarm", SWARM, "--out", reef, *words)
        assert (refused.code, "is never overwritten" in refused.err) == (3, True)
    assert {path: path.read_bytes() for path in reef.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("words", [("-e", "fraud", "-i", "2"), ("-i", "2"), ("-e", "fraud")])
def test_whoever_comes_from_hpe_is_told_the_way(tmp_path: Path, words: tuple[str, ...]) -> None:
    answered = shoal_certs("init", *words, "--out", tmp_path / "reef")
    assert answered.code == 3
    assert "one authority serves the whole swarm" in answered.err
    assert "scripts/gen-cert --swarm" in answered.err
    assert not (tmp_path / "reef").exists()


@pytest.mark.parametrize("name", ["Reef", "a/b", "..", "a_b", "", "-a", "a" * 64, "reef.", "é", "a b"])
@pytest.mark.parametrize("nodes", ["0", "2"])
def test_a_bad_swarm_name_creates_nothing(tmp_path: Path, name: str, nodes: str) -> None:
    refused = shoal_certs("init", f"--swarm={name}", "--out", tmp_path / "reef", "--nodes", nodes)
    assert (refused.code, "bad-swarm-name" in refused.err) == (5, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("--host", "a_b"), ("--nodes", "1001"), ("--days", "0"), ("--days", "9999")])
def test_bad_values_create_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    refused = shoal_certs("init", "--swarm", SWARM, "--out", tmp_path / "reef", "--nodes", "1", *words)
    assert refused.code in {2, 3}
    assert not list(tmp_path.iterdir())


def test_the_default_place_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    must("init", "--swarm", SWARM)
    must("issue", "--role", "auditor", "--name", "ina")
    assert (tmp_path / "home/certs" / SWARM / "ina/cert.pem").is_file()
    must("init", "--swarm", "other")
    refused = shoal_certs("crl")
    assert (refused.code, "say which with --dir" in refused.err) == (3, True)


def test_every_command_answers_with_one_json_object(tmp_path: Path) -> None:
    reef, home, at = tmp_path / "reef", tmp_path / "cyd", ("--dir", tmp_path / "reef")
    lines: list[tuple[str | Path, ...]] = [
        ("init", "--swarm", SWARM, "--out", reef),
        ("issue", "--role", "node", "--name", "ana", *at),
        ("request", "--swarm", SWARM, "--role", "node", "--name", "cyd", "--out", home),
        ("approve", home / "request.json", "--role", "node", "--name", "cyd", "--hash", "{hash}", *at),
        ("install", home / "response.json", "--into", home, "--root", "{root}"),
        ("renew", "ana", *at),
        ("renew", "--issuing", *at),
        ("revoke", "ana", *at),
        ("crl", "--days", "30", *at),
        ("install", reef / "capath/crl.pem", "--into", home),
        ("show", home),
        ("verify", home),
    ]
    said: dict[str, object] = {}
    for line in lines:
        words = [str(word).format(hash=said.get("hash"), root=said.get("root_fingerprint")) for word in line]
        answer = must(*words, "--json")
        assert json.loads(answer.out), words
        said |= answer.facts
    assert {str(line[0]) for line in lines} == set(certs.commands)


def test_a_refusal_is_one_json_object_with_its_reason(tmp_path: Path) -> None:
    refused = shoal_certs("init", "--swarm", "Reef", "--out", tmp_path / "reef", "--json")
    error = refused.facts["error"]
    assert isinstance(error, dict)
    assert (error["exit"], error["reason"]) == (5, "bad-swarm-name")


def test_renew_wants_a_name_or_issuing(tmp_path: Path) -> None:
    for words in ((), ("ana", "--issuing")):
        assert shoal_certs("renew", *words, "--dir", tmp_path).code == 2


@pytest.mark.parametrize("command", ["issue", "renew", "revoke", "crl"])
def test_without_an_authority_the_way_to_one_is_told(tmp_path: Path, command: str) -> None:
    words = {"issue": ("--role", "node", "--name", "ana"), "renew": ("ana",), "revoke": ("ana",), "crl": ()}[command]
    refused = shoal_certs(command, *words, "--dir", tmp_path)
    assert (refused.code, "`shoal certs init" in refused.err) == (4, True)


def test_identities_are_those_that_were_issued(swarm: Path) -> None:
    assert [folder.name for folder in identity_folders(swarm)] == PARTIES
