"""Unix sockets in folders: for their owner only, and however deep the folder is.

A unix socket's path has room for some hundred characters, and folders are often deeper. So the folder is opened
first, and the socket is named through the handle.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shoal_base.errors import PlaceRefused
from shoal_base.home import OWNER_ONLY

_OWNER_ONLY_UMASK: Final = 0o177


def bound(folder: Path, name: str) -> socket.socket:
    """A fresh socket in place of whatever a killed process left; nobody but its owner may connect."""
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        with named(folder, name) as short:
            (folder / name).unlink(missing_ok=True)
            made = socket.socket(socket.AF_UNIX)
            mask = os.umask(_OWNER_ONLY_UMASK)
            try:
                made.bind(short)
            finally:
                os.umask(mask)
    except OSError as problem:
        raise PlaceRefused(f"{folder} can hold no socket: {problem.strerror}. Choose another folder.") from problem
    return made


@contextmanager
def named(folder: Path, name: str) -> Iterator[str]:
    """A short name of a socket in a folder, for the length of the block."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise PlaceRefused(f"{folder} cannot be entered: {problem.strerror}.") from problem
    try:
        yield f"/proc/self/fd/{handle}/{name}"
    finally:
        os.close(handle)
