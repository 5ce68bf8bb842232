"""A private file is ours alone, and every file is the old one or the new one, whatever happens in between."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal_base.errors import PlaceRefused, Unavailable
from shoal_certs.files import (
    PRIVATE_MODE,
    locked,
    make_folder,
    read_private,
    read_public,
    remove_tree,
    sweep_partial_files,
    write_file,
)
from tests.crash.operations import Operations, kill, watched

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("_umask")
def test_the_umask_does_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "folder"
    make_folder(folder)
    write_file(folder / "key", b"secret", PRIVATE_MODE)
    write_file(folder / "cert", b"known")
    make_folder(folder / "capath", 0o755)
    assert [mode_of(folder / name) for name in ("", "key", "cert", "capath")] == [0o700, 0o600, 0o644, 0o755]
    assert not mode_of(tmp_path / "above") & 0o022


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_file(tmp_path / "key", b"secret", PRIVATE_MODE)
    assert read_private(tmp_path / "key", 100) == b"secret"
    assert os.listdir(tmp_path) == ["key"]  # noqa: PTH208 - hidden files count


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o660, 0o644])
def test_a_private_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "key"
    write_file(key, b"secret", mode)
    with pytest.raises(PlaceRefused, match=f"mode {mode:04o}.*run: chmod 600 {key}"):
        read_private(key, 100)


@as_root
def test_a_private_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    write_file(key, b"secret", PRIVATE_MODE)
    os.chown(key, 12345, 12345)
    with pytest.raises(PlaceRefused, match="belongs to user 12345, not to user 0"):
        read_private(key, 100)


@pytest.mark.parametrize("read", [read_private, read_public])
def test_a_link_a_pipe_and_a_folder_are_no_files(tmp_path: Path, read: object) -> None:
    write_file(tmp_path / "key", b"secret", PRIVATE_MODE)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    assert callable(read)
    for name, words in (("link", "symbolic link"), ("pipe", "not a regular file"), ("folder", "not a regular file")):
        with pytest.raises(PlaceRefused, match=words):
            read(tmp_path / name, 100)
    with pytest.raises(PlaceRefused, match="is not there"):
        read(tmp_path / "nothing", 100)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    write_file(tmp_path / "file", b"x" * 11)
    assert read_public(tmp_path / "file", 11) == b"x" * 11
    with pytest.raises(PlaceRefused, match="has 11 bytes; at most 10"):
        read_public(tmp_path / "file", 10)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_above_a_key_must_not_be_open_to_everybody(tmp_path: Path, depth: int) -> None:
    folder = tmp_path / "a" / "b" / "c"
    make_folder(folder)
    write_file(folder / "key", b"secret", PRIVATE_MODE)
    wide = [folder, *folder.parents][depth]
    wide.chmod(0o777)
    with pytest.raises(PlaceRefused, match=f"{wide} can be written to by everybody; run: chmod o-w {wide}"):
        read_private(folder / "key", 100)
    wide.chmod(0o1777)  # as /tmp is: nobody can take away what is not theirs
    assert read_private(folder / "key", 100) == b"secret"


def test_a_folder_that_is_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    write_file(tmp_path / "file", b"x")
    with pytest.raises(PlaceRefused, match="symbolic link"):
        make_folder(tmp_path / "link")
    with pytest.raises(PlaceRefused, match="is not a folder"):
        make_folder(tmp_path / "file")


def test_a_file_is_durable_before_it_gets_its_name_and_its_name_right_after(tmp_path: Path) -> None:
    with watched(Operations(lambda _: False, kill)) as operations:
        write_file(tmp_path / "file", b"data")
    assert operations.log == ["open", "fchmod", "write", "write", "fsync", "replace", "fsync"]


def test_writers_do_not_follow_a_link_in_the_place_of_their_file(tmp_path: Path) -> None:
    write_file(tmp_path / "elsewhere", b"untouched")
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    write_file(tmp_path / "key", b"secret", PRIVATE_MODE)
    assert not (tmp_path / "key").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"untouched"


def test_leftovers_are_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.1234.partial", ".b.1234.partial", "c.partial", ".d"):
        (tmp_path / name).write_bytes(b"")
    sweep_partial_files(tmp_path, "a")
    assert not (tmp_path / ".a.1234.partial").exists()
    sweep_partial_files(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".d", "c.partial"]  # noqa: PTH208 - hidden files count


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with (
        locked(tmp_path / ".lock"),
        pytest.raises(Unavailable, match="is in use by another"),
        locked(tmp_path / ".lock"),
    ):
        pytest.fail("two held it")
    with locked(tmp_path / ".lock"):
        pass


def test_a_tree_that_is_not_there_is_gone_already(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")
    make_folder(tmp_path / "a" / "b")
    remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_file_that_everybody_may_write_vouches_for_nothing(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    write_file(bundle, b"a root")
    bundle.chmod(0o646)
    with pytest.raises(PlaceRefused, match="chmod o-w"):
        read_public(bundle, 100)
