"""Where a register lies on this machine: a file that only its owner can read, in a folder of the same kind.

Records and ledgers name every party of a swarm, so neither may be open to others. What is missing is made
so; what is there and open to others is refused, not mended, because somebody may rely on it.

A trap: closing any handle on a database file drops the locks that SQLite holds on it in this process
(https://www.sqlite.org/howtocorrupt.html, 2.2). So a file that exists is looked at, never opened here.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from shoal_base.errors import InputRefused, PlaceRefused, Unavailable

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_POLL_S = 0.02
_EXAMPLE = "Write it like sqlite:////var/lib/shoal/register.db, with the file's absolute path"


def read_url(url: str) -> Path:
    """The file that `url` names; raises `InputRefused` for anything but a plain absolute SQLite path."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise InputRefused(f"The register's URL is none that can be read. {_EXAMPLE}.") from None
    shown = ascii(parsed.render_as_string(hide_password=True))
    if parsed.drivername != "sqlite":
        raise InputRefused(f"The register's URL {shown} is refused: this Shoal keeps registers in SQLite. {_EXAMPLE}.")
    if parsed.host or parsed.username or parsed.password or parsed.port or parsed.query:
        raise InputRefused(f"The register's URL {shown} is refused: it has parts beside the path. {_EXAMPLE}.")
    path = parsed.database or ""
    if not path.startswith("/") or path.endswith("/") or "\x00" in path:
        raise InputRefused(f"The register's URL {shown} is refused: it names no file by an absolute path. {_EXAMPLE}.")
    return Path(path)


@contextmanager
def held(path: Path, timeout_s: float) -> Iterator[None]:
    """Make what is missing of `path`, check the rest, and be the only one on this machine who opens it meanwhile.

    The lock is on the folder: it needs no file of its own, and no handle on the database.
    """
    try:
        _make_folder(path.parent)
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as problem:
        raise _refusal(path.parent, problem) from problem
    try:
        _lock(handle, path.parent, timeout_s)
        _check(path.parent, os.fstat(handle), FOLDER_MODE)
        try:
            _make_file(path)
        except OSError as problem:
            raise _refusal(path, problem) from problem
        yield
    finally:
        os.close(handle)


@contextmanager
def new_backup(path: Path, version: int) -> Iterator[Path]:
    """An empty file for a backup of `path`; it gets its dated name when the block has filled it, and not before."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    target = path.with_name(f"{path.name}.version-{version}.{moment}.backup")
    part = target.with_name(f"{target.name}.part")
    try:
        _create(part)
        try:
            yield part
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as problem:
        raise _refusal(target, problem) from problem


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        folder.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    _sync(folder.parent)


def _make_file(path: Path) -> None:
    try:
        _check(path, path.lstat(), FILE_MODE)
    except FileNotFoundError:
        _create(path)
        _sync(path.parent)


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, FILE_MODE))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"Another process has been opening a register in {folder} for more than {timeout_s:g} seconds. "
                    "Try again; if it stays like this, that process hangs."
                ) from None
            time.sleep(_POLL_S)
        else:
            return


def _check(path: Path, found: os.stat_result, mode: int) -> None:
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise PlaceRefused(f"{path} is no plain file. A register is one; name another, or move this away.")
    if stat.S_ISDIR(found.st_mode) != (mode == FOLDER_MODE):
        raise PlaceRefused(f"{path} is a folder. A register is a file; name one inside it.")
    if found.st_uid != os.geteuid():
        raise PlaceRefused(
            f"{path} belongs to user {found.st_uid}, and this process runs as user {os.geteuid()}. Run it as the "
            "owner, or give the register another place."
        )
    if stat.S_IMODE(found.st_mode) & _OTHERS:
        raise PlaceRefused(
            f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}), and a register names every party of a "
            f"swarm. Close it: chmod {mode:o} {path}"
        )


def _refusal(path: Path, problem: OSError) -> PlaceRefused:
    return PlaceRefused(
        f"{path} cannot be made or opened: {problem.strerror}. Choose a place that this user may write to, with room."
    )
