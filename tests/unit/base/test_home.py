"""A home is five folders for their owner's eyes only, and what is there already is left as it is."""

import os
import stat
from pathlib import Path

import pytest

from shoal_base.errors import PlaceRefused
from shoal_base.home import Home, this_home

FOLDERS = {"certs", "state", "logs", "runs", "models"}


def test_the_home_is_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    assert this_home() == Home(tmp_path / "home")


def test_a_relative_home_and_a_tilde_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("SHOAL_HOME", "swarm")
    assert this_home().root == tmp_path / "swarm"
    monkeypatch.setenv("SHOAL_HOME", "~/swarm")
    assert this_home().root == Path("/home/ana/swarm")


def test_asking_for_a_home_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    assert this_home().certs == tmp_path / "home" / "certs"
    assert list(tmp_path.iterdir()) == []


def test_what_is_made_is_for_its_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    previous = os.umask(0)
    try:
        home.ensure()
    finally:
        os.umask(previous)
    assert {folder.name for folder in home.root.iterdir()} == FOLDERS
    assert {_mode(folder) for folder in (home.root, *home.root.iterdir())} == {0o700}


def test_what_is_there_keeps_its_permissions_and_content(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.ensure()
    home.runs.chmod(0o750)
    (home.runs / "note").write_text("kept")
    home.ensure()
    assert _mode(home.runs) == 0o750
    assert (home.runs / "note").read_text() == "kept"


def test_a_place_where_nothing_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlaceRefused, match=r"file/home cannot be made: Not a directory\. .*SHOAL_HOME"):
        Home(tmp_path / "file" / "home").ensure()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
