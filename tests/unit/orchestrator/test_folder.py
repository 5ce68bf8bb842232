"""A run's folder belongs to one run, and to one process at a time; certificates in it are all there or none."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Role
from shoal_orchestrator.planning.places import Places
from shoal_orchestrator.running.certificates import make_certificates
from shoal_orchestrator.running.folder import claimed
from shoal_orchestrator.running.machine import PORTS, this_machine
from shoal_swarm.transport.keyring import Keyring


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A folder that nobody has used."""
    return Places(tmp_path / "out", "reviews")


def test_a_folder_is_one_processs_at_a_time_and_one_runs_for_ever(places: Places) -> None:
    other = pytest.raises(PlaceRefused, match="Another `shoal run` works in")
    with claimed(places, "reviews", "aa"), other, claimed(places, "reviews", "aa"):
        pass
    with claimed(places, "reviews", "aa"):
        pass
    with pytest.raises(InputRefused, match="holds run reviews with another configuration"), claimed(places, "x", "bb"):
        pass
    places.note.write_text("{")
    with pytest.raises(PlaceRefused, match="is damaged"), claimed(places, "reviews", "aa"):
        pass


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(PlaceRefused, match="cannot be used"), claimed(Places(tmp_path / "out", "x"), "x", "aa"):
        pass


def test_certificates_are_made_once_work_and_leave_no_authority_behind(places: Places) -> None:
    now = datetime.now(UTC)
    (places.certs.parent / "reviews.making").mkdir(parents=True)  # what a killed start leaves
    assert make_certificates(places, ["a", "b"], now)
    assert not make_certificates(places, ["a", "b"], now)
    for name, role in (("sentinel-1", Role.SENTINEL), ("a", Role.NODE), ("b", Role.NODE)):
        folder = places.identity(name)
        files = CredentialFiles(folder / "cert.pem", folder / "key.pem", places.certs / "capath")
        identity = Keyring(files).identity
        assert (identity.name, identity.role) == (name, role)
    assert not (places.certs / "authority").exists()
    assert [path.name for path in places.certs.parent.iterdir()] == ["reviews"]


def test_ports_are_free_and_differ() -> None:
    ports = this_machine(5).ports
    assert len(set(ports)) == 6
    assert all(port in PORTS for port in ports)
