"""An inventory lists what is there without judging it."""

from datetime import timedelta
from pathlib import Path

import pytest

from shoal_base.errors import InputRefused
from shoal_certs.cli.options import now
from shoal_certs.inventory import take_inventory
from shoal_certs.reasons import CertificateRefused
from tests.unit.certs.desk import make_swarm, must


@pytest.fixture
def reef(tmp_path: Path) -> Path:
    return make_swarm(tmp_path / "reef")


def state_of(path: Path, days: int = 0) -> object:
    found = take_inventory(path, now() + timedelta(days=days)).facts["certificates"]
    assert isinstance(found, list)
    return found[0]["state"]


def test_how_long_is_left_is_told_and_since_when_it_has_ended(reef: Path) -> None:
    assert state_of(reef / "ana", 10) in {"80 days left", "79 days left"}
    assert "expired" in str(state_of(reef / "ana", 95))


def test_what_was_revoked_is_told(reef: Path) -> None:
    must("revoke", "ana", "--dir", reef)
    assert state_of(reef / "ana") == "revoked"
    issued = take_inventory(reef, now()).facts["issued"]
    assert isinstance(issued, list)
    assert {one["identity"][-3:]: one["revoked"] for one in issued} == {"ana": True, "ben": False}


def test_no_line_holds_a_secret(reef: Path) -> None:
    secrets = [(reef / "authority/passphrase").read_text().strip(), (reef / "ana/key.pem").read_text().splitlines()[1]]
    lines = "\n".join(take_inventory(reef, now()).lines)
    assert not any(secret in lines for secret in secrets)


def test_what_holds_no_certificate_is_refused(reef: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputRefused, match="holds no certificate"):
        take_inventory(tmp_path / "empty", now())
    with pytest.raises(CertificateRefused):
        take_inventory(reef / "ana/key.pem", now())


def test_a_revocation_list_is_shown_by_itself(reef: Path) -> None:
    must("revoke", "ana", "--dir", reef)
    shown = take_inventory(reef / "capath/crl.pem", now())
    assert len([line for line in shown.lines if line.startswith("revoked ")]) == 1
    assert "certificates" not in shown.facts
