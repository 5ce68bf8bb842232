"""An authority's folder appears whole, is opened by one command at a time, and says what is wrong with it."""

import json
from pathlib import Path

import pytest

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.authority_folder import AuthorityPlaces, create_authority
from shoal_certs.cli.options import now
from shoal_certs.passphrases import new_passphrase
from tests.unit.certs.desk import SWARM, make_swarm, must, shoal_certs


def test_whoever_comes_second_finds_the_place_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both looked before either held the lock."""
    root = tmp_path / "reef"
    looks = iter([False, True])
    monkeypatch.setattr(Path, "exists", _first_look_finds_nothing(root / "authority", looks))
    make_swarm(tmp_path / "other", [])
    (tmp_path / "other").rename(root)
    with pytest.raises(InputRefused, match="is never overwritten"):
        create_authority(root, SWARM, now(), new_passphrase(), keep_passphrase=True)


def _first_look_finds_nothing(place: Path, looks: object) -> object:
    real = Path.exists

    def exists(self: Path) -> bool:
        return next(looks) if self == place else real(self)  # type: ignore[call-overload, no-any-return]

    return exists


DAMAGED = ["", "{", "[]", '{"layout":1}', '{"layout":1,"swarm":"x","more":1}', "[" * 60_000, "\udcff"]


@pytest.mark.parametrize("at", range(len(DAMAGED)))
def test_a_damaged_description_is_named(tmp_path: Path, at: int) -> None:
    reef = make_swarm(tmp_path / "reef", [])
    (reef / "authority/swarm.json").write_bytes(DAMAGED[at].encode(errors="surrogateescape"))
    refused = shoal_certs("crl", "--dir", reef)
    assert (refused.code, "is damaged" in refused.err) == (4, True)


def test_a_later_layout_is_refused(tmp_path: Path) -> None:
    reef = make_swarm(tmp_path / "reef", [])
    (reef / "authority/swarm.json").write_text(json.dumps({"layout": 2, "swarm": SWARM}))
    with pytest.raises(PlaceRefused, match="Use a newer Shoal"):
        AuthorityPlaces(reef).swarm()


@pytest.mark.parametrize("place", ["authority", "capath"])
def test_the_newer_of_two_lists_is_in_force_wherever_it_lies(tmp_path: Path, place: str) -> None:
    reef = make_swarm(tmp_path / "reef", ["ana"])
    older = (reef / "capath/crl.pem").read_bytes()
    must("revoke", "ana", "--dir", reef)
    (reef / place / "crl.pem").write_bytes(older)
    must("issue", "--role", "node", "--name", "ben", "--dir", reef)
    lists = AuthorityPlaces(reef).revocation_lists()
    assert {(one.number, len(one.serials)) for one in lists} == {(2, 1)}


def test_another_swarms_list_in_the_capath_is_refused(tmp_path: Path) -> None:
    reef, other = make_swarm(tmp_path / "reef", []), make_swarm(tmp_path / "other", [])
    must("crl", "--dir", other)
    (reef / "capath/crl.pem").write_bytes((other / "capath/crl.pem").read_bytes())
    refused = shoal_certs("crl", "--dir", reef)
    assert (refused.code, "crl-bad-signature" in refused.err) == (5, True)
