"""A register lies where only its owner can read it, and any other place is refused and left alone."""

import os
import stat
from pathlib import Path

import pytest

from shoal_base.errors import InputRefused, PlaceRefused, Unavailable
from shoal_swarm.register import open_register, place


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "none that can be read"),
        ("register.db", "none that can be read"),
        ("/var/lib/register.db", "none that can be read"),
        ("sqlite://", "no file by an absolute path"),
        ("sqlite:///:memory:", "no file by an absolute path"),
        ("sqlite:///register.db", "no file by an absolute path"),
        ("sqlite:////var/lib/", "no file by an absolute path"),
        ("sqlite:////var/lib/a\x00b", "no file by an absolute path"),
        ("sqlite:////var/lib/a?mode=ro", "parts beside the path"),
        ("sqlite:///file:/var/lib/a?uri=true", "parts beside the path"),
        ("sqlite://host/var/lib/a", "parts beside the path"),
        ("sqlite+aiosqlite:////var/lib/a", "in SQLite"),
        ("sqlite+pysqlcipher:////var/lib/a", "in SQLite"),
        ("postgresql://shoal@db/register", "in SQLite"),
        ("nonsense://a/b", "in SQLite"),
    ],
)
def test_a_url_that_names_no_register_is_refused_with_an_example(url: str, reason: str) -> None:
    with pytest.raises(InputRefused, match=reason) as refusal:
        open_register(url)
    assert "sqlite:////var/lib/shoal/register.db" in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["postgresql://shoal:swordfish@db/register", "sqlite://a:swordfish@/x", "a swordfish://"]
)
def test_a_password_in_a_url_is_never_repeated(url: str) -> None:
    with pytest.raises(InputRefused) as refusal:
        open_register(url)
    assert "swordfish" not in str(refusal.value)


def test_what_is_missing_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "swarm" / "state" / "register.db"
    before = os.umask(0)
    try:
        with open_register(_url(path)) as register:
            register.runs.create("reviews", bytes(32), b"")
            assert {child.name: _mode(child) for child in path.parent.iterdir()} == {
                "register.db": 0o600,
                "register.db-wal": 0o600,
                "register.db-shm": 0o600,
            }
    finally:
        os.umask(before)
    assert _mode(path.parent) == 0o700


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660])
def test_a_file_that_is_open_to_others_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "state" / "register.db"
    open_register(_url(path)).close()
    path.chmod(mode)
    with pytest.raises(PlaceRefused, match=f"mode {mode:04o}.*chmod 600 {path}"):
        open_register(_url(path))
    assert _mode(path) == mode


def test_a_folder_that_is_open_to_others_is_refused_with_the_cure(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    with pytest.raises(PlaceRefused, match=f"chmod 700 {folder}"):
        open_register(_url(folder / "register.db"))
    assert list(folder.iterdir()) == []


def test_a_link_is_refused_even_to_a_good_register(tmp_path: Path) -> None:
    path = tmp_path / "state" / "register.db"
    open_register(_url(path)).close()
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(PlaceRefused, match="no plain file"):
        open_register(_url(link))


def test_a_folder_or_pipe_is_no_register(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    (folder / "inner").mkdir(parents=True)
    folder.chmod(0o700)
    with pytest.raises(PlaceRefused, match="is a folder"):
        open_register(_url(folder / "inner"))
    os.mkfifo(folder / "pipe", 0o600)
    with pytest.raises(PlaceRefused, match="no plain file"):
        open_register(_url(folder / "pipe"))


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(PlaceRefused, match="state cannot be made"):
        open_register(_url(tmp_path / "state" / "register.db"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state" / "register.db"
    open_register(_url(path)).close()
    os.chown(path, 4711, -1)
    with pytest.raises(PlaceRefused, match="belongs to user 4711"):
        open_register(_url(path))


def test_who_opens_waits_for_another_and_gives_up_in_time(tmp_path: Path) -> None:
    path = tmp_path / "state" / "register.db"
    with place.held(path, 1.0), pytest.raises(Unavailable, match="opening a register"):
        open_register(_url(path), busy_timeout_s=0.05)
    open_register(_url(path), busy_timeout_s=0.05).close()


def test_a_backup_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    def fill_half() -> None:
        with place.new_backup(tmp_path / "register.db", 1) as part:
            part.write_bytes(b"half")
            raise EOFError

    with pytest.raises(EOFError):
        fill_half()
    assert list(tmp_path.iterdir()) == []
