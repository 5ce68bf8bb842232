"""At every moment of a renewal, whoever reads finds a certificate and the key that belongs to it."""

import os
from pathlib import Path

import pytest

from shoal_base.errors import ShoalError
from shoal_certs.cli.options import now
from shoal_certs.credentials import CredentialFiles, Credentials
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.signing import verify
from tests.crash.operations import Operations, watched
from tests.unit.certs.desk import make_swarm, must, shoal_certs


@pytest.fixture
def reef(tmp_path: Path) -> Path:
    return make_swarm(tmp_path / "reef")


def load(reef: Path, name: str = "ana") -> Credentials:
    return Credentials.load(CredentialFiles.in_folder(reef / name), now())


def test_credentials_load_at_every_moment_of_a_renewal(reef: Path) -> None:
    serials: list[int] = []

    def look(_name: str) -> None:
        with watched(Operations(lambda _: False, look)):
            serials.append(load(reef).certified.serial)

    with watched(Operations(lambda _: True, look)):
        assert shoal_certs("renew", "ana", "--dir", reef).code == 0
    serials.append(load(reef).certified.serial)
    assert len(serials) > 20
    assert len(set(serials)) == 2
    assert serials == sorted(serials, key=serials.index), "once the new one is in force, the old one never comes back"


def test_a_reader_beside_a_writer_never_sees_half_a_renewal(reef: Path) -> None:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = max(shoal_certs("renew", "ana", "--dir", reef).code for _ in range(15))
        finally:
            os._exit(code)
    seen = set()
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        seen.add(load(reef).certified.serial)
    assert seen
    seen.add(load(reef).certified.serial)
    assert len(seen) > 1


def test_another_key_is_refused(reef: Path) -> None:
    (reef / "ana/key.pem").write_bytes((reef / "ben/key.pem").read_bytes())
    with pytest.raises(CertificateRefused) as refusal:
        load(reef)
    assert refusal.value.reason is Reason.KEY_MISMATCH


@pytest.mark.parametrize("name", ["cert.pem", "key.pem"])
def test_a_link_in_the_place_of_a_file_is_refused(reef: Path, name: str) -> None:
    (reef / "ana" / name).rename(reef / "elsewhere")
    (reef / "ana" / name).symlink_to(reef / "elsewhere")
    with pytest.raises(ShoalError, match="symbolic link"):
        load(reef)


def test_what_a_party_signs_verifies_with_its_certificate(reef: Path) -> None:
    credentials = load(reef)
    verify(
        credentials.certified.public_key, "shoal/test/v1", b"data", credentials.signer.sign("shoal/test/v1", b"data")
    )
    assert "PRIVATE" not in repr(credentials)
    must("verify", reef / "ana")
