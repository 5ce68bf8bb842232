"""Where the two halves of a node meet: a folder of the node's state, for its owner only.

    FOLDER/link.sock     the peer listens, one trainer at a time connects
    FOLDER/files/        what either of them wrote for the other

A unix socket's path has room for some hundred characters, and folders are often deeper. So the folder is opened
first, and the socket is named through the handle.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shoal_base.errors import PlaceRefused
from shoal_base.home import OWNER_ONLY

SOCKET_NAME: Final = "link.sock"
FILES: Final = "files"


def made(folder: Path) -> Path:
    """The folder of a link, with its files; made if it is not there."""
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        (folder / FILES).mkdir(mode=OWNER_ONLY, exist_ok=True)
    except OSError as problem:
        raise PlaceRefused(f"{folder} cannot be made: {problem.strerror}. Choose another folder.") from problem
    return folder


@contextmanager
def socket_name(folder: Path) -> Iterator[str]:
    """A short name of the socket, for the length of the block."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise PlaceRefused(f"{folder} cannot be entered: {problem.strerror}. Is the peer running?") from problem
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET_NAME}"
    finally:
        os.close(handle)
