"""One unfinished content on disk: its file and the hashes beside it, written in order, verified on the way."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from blake3 import blake3

from shoal_swarm.protocol.messages import CHUNK_BYTES, DIGEST_BYTES, Announce
from shoal_swarm.transport.bulk.tree import chunk_length, chunks_in
from shoal_swarm.transport.reasons import Reason, TransferRefused

Verifiable: TypeAlias = tuple[bytes | memoryview, bytes]
"""A chunk, and the hash that the content must have from its start to the end of it."""

OWNER_ONLY: Final = 0o600
_MODE: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Partial:
    """One unfinished content, open for writing; once it refused something it can only be closed."""

    def __init__(
        self,
        announce: Announce,
        part: Path,
        *,
        durable: bool,
        took_room: Callable[[], None],
        closed: Callable[[], None],
    ) -> None:
        self._announce = announce
        self._paths = (part, part.with_suffix(".hashes"))
        self._durable = durable
        self._took_room = took_room
        self._closed = closed
        self._whole = blake3()
        self._has_room = False
        self._part = os.open(part, _MODE, OWNER_ONLY)
        try:
            self._hashes = os.open(self._paths[1], _MODE, OWNER_ONLY)
            self.position = self._count_verified()
        except BaseException:
            self._close_files()  # and whoever holds the name gives it back
            raise

    def write(self, chunks: Sequence[Verifiable]) -> None:
        """Put the next chunks in their place; those before the first that is not what its hash says."""
        first = self.position
        try:
            self._take_room()
            good = bytearray()
            for data, digest in chunks:
                self._whole.update(data)
                if self._whole.digest() != digest:
                    break
                write_at(self._part, data, self.position * CHUNK_BYTES)
                self.position += 1
                good += digest
            write_at(self._hashes, good, first * DIGEST_BYTES)
        except OSError as problem:
            raise TransferRefused(Reason.DISK_FULL, self._announce.content.hex(), str(problem.strerror)) from problem
        if self.position < first + len(chunks):
            raise TransferRefused(Reason.WRONG_HASH, self._announce.content.hex(), f"chunk {self.position}")

    def finish(self) -> Path:
        """Check the whole, make it durable, and give it its name."""
        part, hashes = self._paths
        if self._whole.digest() != self._announce.content:
            self.close()
            part.unlink(missing_ok=True)
            hashes.unlink(missing_ok=True)
            raise TransferRefused(Reason.WRONG_HASH, self._announce.content.hex(), "all chunks fit, the whole does not")
        target = part.with_name(self._announce.content.hex())
        try:
            if self._durable:
                os.fsync(self._part)
            part.rename(target)
            hashes.unlink(missing_ok=True)
            if self._durable:
                sync_folder(target.parent)
        except OSError as problem:
            raise TransferRefused(Reason.DISK_FULL, self._announce.content.hex(), str(problem.strerror)) from problem
        finally:
            self.close()
        return target

    def close(self) -> None:
        """Leave what is there for next time."""
        if self._part >= 0:
            self._close_files()
            self._closed()

    def _close_files(self) -> None:
        for descriptor in (self._part, getattr(self, "_hashes", -1)):
            if descriptor >= 0:
                os.close(descriptor)
        self._part = self._hashes = -1

    def _take_room(self) -> None:
        """All of it at once, beside the first chunks: the disk may take its time, and nobody waits for it."""
        if not self._has_room:
            os.posix_fallocate(self._part, 0, self._announce.size)
            self._took_room()
            self._has_room = True

    def _count_verified(self) -> int:
        """How many chunks, from the start, are what their hashes say; the whole's hash has learnt of them."""
        known = min(os.fstat(self._hashes).st_size // DIGEST_BYTES, chunks_in(self._announce.size))
        for index in range(known):
            before = self._whole.copy()
            self._whole.update(os.pread(self._part, chunk_length(self._announce.size, index), index * CHUNK_BYTES))
            if self._whole.digest() != os.pread(self._hashes, DIGEST_BYTES, index * DIGEST_BYTES):
                self._whole = before
                return index
        return known


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_at(descriptor: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
