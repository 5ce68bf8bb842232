"""The few file operations that everything here is made of, in the order that survives a lost power supply.

A file is written under a partial name, synced, renamed, and then its folder is synced: after a crash the name
stands for the old bytes or the new ones. An append is one write and one sync; a torn tail is for the reader to
notice. Errors stay `OSError` in here: `storage.py` turns them into sentences.

Reading fails in two ways. Bytes that the disk can't give back, or that are no plain file any more, are as good
as gone. Anything else (too many open files, say) tells nothing about them and goes to the caller.
"""

import errno
import os
import stat
import sys
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
PARTIAL_SUFFIX = ".partial"
_GONE = {errno.ENOENT, errno.EIO, errno.ELOOP, errno.EISDIR, errno.ENODATA, errno.EBADMSG, errno.ENXIO, errno.EUCLEAN}
_READ_BYTES = 1 << 20


def partial_of(path: Path) -> Path:
    """Where a file is written before it gets its name; one process writes here, so the name needs no luck."""
    return path.with_name(path.name + PARTIAL_SUFFIX)


def create(path: Path) -> int:
    """A handle on a new, empty file; what a dead writer left under this name is overwritten."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write everything: the operating system may take less than it is given."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def replace(path: Path, data: bytes) -> int:
    """Put `data` at `path`, whole and durable, or leave what was there; returns a handle for appending."""
    partial = partial_of(path)
    handle = create(partial)
    try:
        write_all(handle, data)
        os.fsync(handle)
        os.replace(partial, path)  # noqa: PTH105 - one spelling for every operation, so that a test sees them all
        sync_folder(path.parent)
    except BaseException:
        os.close(handle)
        raise
    return handle


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_file(path: Path, bytes_max: int | None = None, *, start: int = 0, size: int = sys.maxsize) -> bytes | None:
    """A file's bytes, or so many from `start` on; None if they are gone, or the file is larger than anybody made it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode) or (bytes_max is not None and facts.st_size > bytes_max):
                return None
            os.lseek(handle, start, os.SEEK_SET)
            return _read(handle, size)
        finally:
            os.close(handle)
    except OSError as problem:
        if problem.errno in _GONE:
            return None
        raise


def _read(handle: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := os.read(handle, min(size, _READ_BYTES))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
