"""The folder of a storage: private, of one run and one node, held by one process, of a version that we can read.

lock        is the folder itself, so no file can go missing under it
storage     which version, run and node this is; the first thing that is written
journal     pages of the books
ledger      entries
blobs/      packs of what was kept together
"""

import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

import msgspec

from shoal_base.errors import PlaceRefused, Unavailable
from shoal_swarm.peer.storage import files
from shoal_swarm.protocol.names import NodeName, RunId
from shoal_swarm.service.copies import MARKER, Marker

VERSION = 2
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class _Version(msgspec.Struct, frozen=True):
    """What every version's marker says."""

    version: int


def hold(folder: Path) -> int:
    """Make the folder if it is missing, check it, lock it; closing the handle gives it back."""
    _make(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(folder, os.fstat(handle))
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Unavailable(
            f"{folder} is in use by another process: a node's storage belongs to one peer at a time. Stop the other "
            "one, or give this node a folder of its own."
        ) from None
    except BaseException:
        os.close(handle)
        raise
    return handle


def claim(folder: Path, run: RunId, node: NodeName) -> None:
    """Mark a new folder; refuse one that is another's, a newer version's, or no storage at all."""
    path = folder / MARKER
    data = files.read_file(path)
    if data is None:
        _must_be_new(folder)
        os.close(files.replace(path, msgspec.json.encode(Marker(VERSION, run, node)) + b"\n"))
        return
    marker = _read_marker(path, data)
    if (marker.run, marker.node) != (run, node):
        raise PlaceRefused(
            f"{folder} is the storage of node {marker.node} in run {marker.run}, not of node {node} in run {run}. "
            "Give each node and run a folder of its own."
        )


def make_inner(folder: Path) -> None:
    """Make a folder inside the storage if it is missing, and durable either way."""
    folder.mkdir(mode=files.FOLDER_MODE, exist_ok=True)
    files.sync_folder(folder.parent)


def _make(folder: Path) -> None:
    above = (folder, *folder.parents)
    for one in reversed([one for one in above if not one.exists()]):
        one.mkdir(mode=files.FOLDER_MODE, exist_ok=True)
    for one in above:
        # Also of those that are there: whoever made them may have died before this.
        with suppress(PermissionError):  # what we may not look into we have not made
            files.sync_folder(one.parent)


def _check(folder: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise PlaceRefused(
            f"{folder} belongs to user {found.st_uid}, and this process runs as user {os.geteuid()}. Run it as the "
            "owner, or give the node another folder."
        )
    if found.st_mode & _OTHERS:
        raise PlaceRefused(
            f"{folder} is open to others (mode {stat.S_IMODE(found.st_mode):04o}), and adapters may be learned from. "
            f"Close it: chmod {files.FOLDER_MODE:o} {folder}"
        )


def _must_be_new(folder: Path) -> None:
    foreign = sorted(path.name for path in folder.iterdir() if not path.name.endswith(files.PARTIAL_SUFFIX))
    if foreign:
        raise PlaceRefused(
            f"{folder} holds {foreign[0]!r} and no readable file {MARKER!r}, so it is no node's storage. Name an "
            "empty folder or a new one."
        )


def _read_marker(path: Path, data: bytes) -> Marker:
    try:
        version = msgspec.json.decode(data, type=_Version).version
        if version != VERSION:
            raise PlaceRefused(
                f"{path.parent} was written by {'a newer' if version > VERSION else 'an older'} Shoal (storage version "
                f"{version}; this one reads {VERSION}). Run that version, or give the node a new folder."
            )
        return msgspec.json.decode(data, type=Marker)
    except msgspec.MsgspecError as problem:
        raise PlaceRefused(
            f"{path} can't be read: {problem}. It was damaged or is no storage; give the node a new folder, and it "
            "catches up from the others."
        ) from problem
