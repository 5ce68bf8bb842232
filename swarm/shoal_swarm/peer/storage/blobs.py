"""Blobs in a folder: one file each, named by its digest in hexadecimal.

Keeping many costs one sync a file and one for the folder: files are written under partial names first, so the
disk may take them in together, then synced side by side, then renamed. One after the other, each file would wait
for a turn of its own in the disk's log, which takes thirty times as long where pieces are small. Whatever has a
digest for its name was synced before it got that name.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from shoal_swarm.peer.storage import files
from shoal_swarm.peer.storage.contract import StorageFailed
from shoal_swarm.protocol.digests import DIGEST_BYTES, digest_of
from shoal_swarm.protocol.names import Digest

BLOB_BYTES_MAX = 1 << 30
"""A file that is larger is no blob: pieces are far smaller."""
FILES_OPEN_MAX = 64
"""So many files of one `keep` are open at once, far below the usual limit of a process."""
SYNCS_AT_ONCE = 4
"""So many of them are synced side by side."""


class BlobFolder:
    """A folder of blobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, blobs: Iterable[tuple[Digest, bytes]], reserve_bytes: int) -> None:
        """Make blobs durable while the disk has this much room beside them."""
        coming = iter(blobs)
        while self._keep_some(coming, reserve_bytes) == FILES_OPEN_MAX:
            pass
        files.sync_folder(self.folder)

    def drop(self, digests: Iterable[Digest]) -> None:
        """Take blobs away. No sync: a blob that comes back after a crash is true as ever."""
        for digest in digests:
            self._path(digest).unlink(missing_ok=True)

    def read(self, digest: Digest) -> bytes | None:
        """A blob, if its file is there and holds what its name says."""
        content = files.read_file(self._path(digest), BLOB_BYTES_MAX)
        return content if content is not None and digest_of(content) == digest else None

    def read_back(self) -> tuple[frozenset[Digest], list[str]]:
        """Every whole blob, its name made durable; what is damaged or half-written is swept."""
        whole: set[Digest] = set()
        notes: list[str] = []
        for path in sorted(self.folder.iterdir()):
            digest = _digest_in(path.name)
            if path.name.endswith(files.PARTIAL_SUFFIX):
                path.unlink()
            elif digest is None:
                notes.append(f"{path} is no blob; it is not used. Whoever put it there should take it away.")
            elif self.read(digest) is not None:
                whole.add(digest)
            else:
                notes.append(f"{path} does not hold what its name says: the blob is lost.")
                _sweep(path)
        files.sync_folder(self.folder)
        return frozenset(whole), notes

    def _keep_some(self, coming: Iterator[tuple[Digest, bytes]], reserve_bytes: int) -> int:
        """Keep the next few; returns how many."""
        written: dict[Path, int] = {}
        with ExitStack() as handles:
            for digest, content in coming:
                path = self._path(digest)
                self._check(path, digest, content, reserve_bytes)
                if path in written:
                    continue
                written[path] = handle = files.create(files.partial_of(path))
                handles.callback(os.close, handle)
                files.write_all(handle, content)
                if len(written) == FILES_OPEN_MAX:
                    break
            _sync_all(list(written.values()))
            for path in written:
                os.replace(files.partial_of(path), path)  # noqa: PTH105 - one spelling for every operation
        return len(written)

    def _check(self, path: Path, digest: Digest, content: bytes, reserve_bytes: int) -> None:
        assert len(content) <= BLOB_BYTES_MAX, "pieces are cut far smaller"
        if digest_of(content) != digest:
            raise StorageFailed(path, "the bytes to be kept are not what their digest says; their source was changed")
        room = os.statvfs(self.folder)
        if room.f_bavail * room.f_frsize < len(content) + reserve_bytes:
            raise StorageFailed(path, f"no space left on the disk beside the reserve of {reserve_bytes >> 20} MiB")

    def _path(self, digest: Digest) -> Path:
        return self.folder / digest.hex()


def _sync_all(handles: Sequence[int]) -> None:
    if len(handles) < 2:  # noqa: PLR2004 - one needs no company
        for handle in handles:
            os.fsync(handle)
        return
    with ThreadPoolExecutor(min(SYNCS_AT_ONCE, len(handles)), "sync") as threads:
        list(threads.map(os.fsync, handles))


def _digest_in(name: str) -> Digest | None:
    try:
        digest = Digest(bytes.fromhex(name))
    except ValueError:
        return None
    return digest if len(digest) == DIGEST_BYTES and digest.hex() == name else None


def _sweep(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
