"""Where the two halves of a node meet: a folder of the node's state, for its owner only.

FOLDER/link.sock     the peer listens, one trainer at a time connects
FOLDER/files/        what either of them wrote for the other
FOLDER/run.json      what the peer takes part in, for a script that has no task to know it from
"""

from pathlib import Path
from typing import Final

import msgspec

from shoal_base.errors import PlaceRefused
from shoal_base.home import OWNER_ONLY

SOCKET_NAME: Final = "link.sock"
FILES: Final = "files"
NOTE: Final = "run.json"


class LinkNote(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer takes part in."""

    run: str
    config: str
    """Hash of the run configuration, in hexadecimal."""
    is_aligned: bool
    """Whether merged pairs are turned into the basis that a trainer's optimizer knows."""


def note_run(folder: Path, note: LinkNote) -> None:
    """Say what the peer takes part in; before it listens."""
    try:
        (folder / NOTE).write_bytes(msgspec.json.encode(note))
    except OSError as problem:
        raise PlaceRefused(f"{folder / NOTE} cannot be written: {problem.strerror}. Free some space.") from problem


def noted_run(folder: Path) -> LinkNote | None:
    """What the peer that listens there takes part in; None where none does."""
    try:
        return msgspec.json.decode((folder / NOTE).read_bytes(), type=LinkNote)
    except (OSError, msgspec.MsgspecError):
        return None  # half a note is followed by a whole one


def made(folder: Path) -> Path:
    """The folder of a link, with its files; made if it is not there."""
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        (folder / FILES).mkdir(mode=OWNER_ONLY, exist_ok=True)
    except OSError as problem:
        raise PlaceRefused(f"{folder} cannot be made: {problem.strerror}. Choose another folder.") from problem
    return folder
