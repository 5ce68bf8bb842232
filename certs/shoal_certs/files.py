"""Files that matter: written so that a crash leaves the old or the new, read so that nobody else's slips in.

A private file is a regular file of our own that nobody else can read; a symbolic link in its place, another
owner or a wider mode is refused with the command that mends it.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

from shoal_base.errors import PlaceRefused, Unavailable

PRIVATE_MODE = 0o600
SEALED_MODE = 0o400
PUBLIC_MODE = 0o644
FOLDER_MODE = 0o700
PUBLIC_FOLDER_MODE = 0o755
OTHERS = 0o077
PARTIAL_SUFFIX = ".partial"
LOCK_FILE = ".lock"


def write_file(path: Path, data: bytes, mode: int = PUBLIC_MODE) -> None:
    """Put `data` at `path`, whole and durable, or leave what was there."""
    partial = path.with_name(f".{path.name}.{token_hex(4)}{PARTIAL_SUFFIX}")
    with _problems_of(path):
        try:
            _write_new(partial, data, mode)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def move(source: Path, target: Path) -> None:
    """Rename durably; what was at `target` is replaced in the same instant."""
    with _problems_of(target):
        source.replace(target)
        sync_folder(target.parent)
        if source.parent != target.parent:
            sync_folder(source.parent)


def remove(path: Path) -> None:
    """Take a file away, durably, if it is there."""
    with _problems_of(path):
        path.unlink(missing_ok=True)
        sync_folder(path.parent)


def make_folder(path: Path, mode: int = FOLDER_MODE) -> None:
    """Make a folder and what is missing above it; one that is there must be a real folder."""
    with _problems_of(path):
        if path.is_symlink():
            raise PlaceRefused(f"{path} is a symbolic link; keys and their folders must lie where their path says.")
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=mode, exist_ok=True)
            folder.chmod(mode)  # whatever the umask took or, above us, would have left open
            sync_folder(folder.parent)
        if not path.is_dir():
            raise PlaceRefused(f"{path} is not a folder.")


def sweep_partial_files(folder: Path, name: str = "") -> None:
    """Remove what writers that died left behind, of all files or of the one with this name."""
    for leftover in folder.glob(f".{name}*{PARTIAL_SUFFIX}"):
        remove(leftover)


def remove_tree(folder: Path) -> None:
    """Take a folder away that nobody has come to count on, if it is there."""
    with _problems_of(folder):
        if folder.exists():
            rmtree(folder)


def read_public(path: Path, bytes_max: int) -> bytes:
    """A file that anybody may read and not everybody may write: regular, no link, of bounded size."""
    return _read(path, bytes_max, private=False)


def read_private(path: Path, bytes_max: int) -> bytes:
    """A file that only we can read, or a refusal that says how to make it so."""
    return _read(path, bytes_max, private=True)


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` against every other process that asks for it; a second one is refused, not kept waiting."""
    with _problems_of(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_MODE)
    try:
        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except OSError as taken:
            raise Unavailable(
                f"{path.parent} is in use by another `shoal certs` command; try again when it has ended."
            ) from taken
        yield
    finally:
        os.close(handle)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)  # the umask may have taken bits that the caller counts on
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, bytes_max: int, *, private: bool) -> bytes:
    with _problems_of(path):
        # Without O_NONBLOCK, a pipe in the file's place would hold us up for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise PlaceRefused(f"{path} is not a regular file.")
        if private:
            _check_private(path, facts)
        elif facts.st_mode & stat.S_IWOTH:
            raise PlaceRefused(f"{path} can be changed by everybody, so it vouches for nothing; run: chmod o-w {path}")
        if facts.st_size > bytes_max:
            raise PlaceRefused(f"{path} has {facts.st_size} bytes; at most {bytes_max} are read.")
        with _problems_of(path), os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(bytes_max)
    finally:
        os.close(handle)


def _check_private(path: Path, facts: os.stat_result) -> None:
    if facts.st_uid != os.geteuid():
        raise PlaceRefused(
            f"{path} belongs to user {facts.st_uid}, not to user {os.geteuid()} who runs this; "
            f"change the owner (chown {os.geteuid()} {path}) or run as the owner."
        )
    if facts.st_mode & OTHERS:
        raise PlaceRefused(
            f"{path} can be read or changed by others (mode {facts.st_mode & 0o777:04o}); run: chmod 600 {path}"
        )
    for folder in path.absolute().parents:
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise PlaceRefused(f"{folder} can be written to by everybody; run: chmod o-w {folder}")


@contextmanager
def _problems_of(path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into a sentence."""
    try:
        yield
    except FileNotFoundError as problem:
        raise PlaceRefused(f"{path} is not there.") from problem
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise PlaceRefused(
                f"{path} is a symbolic link; keys and their folders must lie where their path says."
            ) from problem
        hint = " Free some space and run the command again; nothing is lost." if problem.errno == errno.ENOSPC else ""
        raise PlaceRefused(f"{path}: {problem.strerror}.{hint}") from problem
