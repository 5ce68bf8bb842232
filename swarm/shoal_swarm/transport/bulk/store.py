"""Contents on disk: whole ones under their hash, unfinished ones with the hashes of the chunks they have.

    <hash>                  whole, verified, durable
    <hash>-<root>.part      unfinished: the chunks so far, in a file as long as the whole will be
    <hash>-<root>.hashes    the hashes of those chunks, each already verified against the tree

The two files of an unfinished content are written without waiting for the disk. After a crash they may
disagree in either direction; so whoever resumes hashes the chunks again, and what does not match its hash was
never there. What nobody goes on with is thrown away: beyond a number, beyond an age, and before the disk is full.
Files with other names are somebody else's and are never touched. Names come from hashes alone: nothing that a peer
says becomes part of a path in any other way.
"""

import contextlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from blake3 import blake3

from shoal_base.errors import PlaceRefused
from shoal_swarm.protocol.messages import CHUNK_BYTES, DIGEST_BYTES, Announce
from shoal_swarm.transport.bulk.tree import chunk_length, chunks_in, digest_of
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.reasons import Reason, TransferRefused

_OWNER_ONLY = 0o600
_FOLDER_MODE = 0o700
_OURS: Final = re.compile(r"([0-9a-f]{64}-[0-9a-f]{16})\.(part|hashes)|[0-9a-f]{64}-[0-9a-f]{8}\.new")


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@dataclass(slots=True)
class Store:
    """One folder of contents; its methods block on the disk and may be called from several threads."""

    folder: Path
    reserve_bytes: int
    free_bytes: Callable[[Path], int] = _free_bytes
    durable: bool = True
    """Whether a content is synced before it counts as here; not where all of it may be fetched again after a crash."""
    unfinished_max: int = DEFAULT_LIMITS.unfinished_max
    unfinished_age_s: float = DEFAULT_LIMITS.unfinished_age_s
    _open: set[str] = field(init=False, default_factory=set)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """The folder is made if it is missing."""
        try:
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as problem:
            raise PlaceRefused(f"{self.folder} cannot be made: {problem.strerror}.") from problem

    def path(self, content: bytes) -> Path:
        """Where a whole content lies."""
        return self.folder / content.hex()

    def has(self, content: bytes) -> bool:
        """Whether it is here, whole."""
        path = self.path(content)
        return path.is_file() and not path.is_symlink()

    def begin(self, announce: Announce) -> "Partial":
        """Start or resume a content; raises `TransferRefused` where it cannot be taken now."""
        about, stem = announce.content.hex(), stem_of(announce)
        with self._lock:
            if stem in self._open:
                raise TransferRefused(Reason.ALREADY_COMING, about)
            self._open.add(stem)
        try:
            self._collect()
            part, hashes = self.folder / f"{stem}.part", self.folder / f"{stem}.hashes"
            self._make_room(announce.size - (part.stat().st_blocks * 512 if part.exists() else 0), about)
            return Partial(self, announce, part, hashes)
        except OSError as problem:
            self.release(stem)
            raise TransferRefused(Reason.DISK_FULL, about, str(problem.strerror)) from problem
        except BaseException:
            self.release(stem)
            raise

    def put(self, content: bytes, data: bytes | memoryview) -> Path:
        """Keep a content of one chunk, whose hash was checked."""
        about = content.hex()
        self._make_room(len(data), about)
        target = self.path(content)
        fresh = target.with_name(f"{about}-{secrets.token_hex(4)}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
            try:
                _write_at(descriptor, data, 0)
                if self.durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            fresh.rename(target)
            if self.durable:
                _sync_folder(self.folder)
        except OSError as problem:
            fresh.unlink(missing_ok=True)
            raise TransferRefused(Reason.DISK_FULL, about, str(problem.strerror)) from problem
        return target

    def _make_room(self, wanted_bytes: int, about: str) -> None:
        """Unfinished contents that nobody is sending give way, the oldest first; then the answer is no."""
        idle: list[Path] | None = None
        while wanted_bytes > 0 and self.free_bytes(self.folder) - wanted_bytes < self.reserve_bytes:
            idle = [path for path, _ in self._idle()] if idle is None else idle
            if not idle:
                raise TransferRefused(Reason.DISK_FULL, about, f"{wanted_bytes} bytes are needed")
            self._discard(idle.pop(0))

    def _collect(self) -> None:
        """Throw away what nobody goes on with: what is too old, and the oldest of what is too many."""
        idle = self._idle()
        parts = [path for path, _ in idle if path.suffix == ".part"]
        before = time.time() - self.unfinished_age_s  # files know no other clock
        for path in {*parts[: -self.unfinished_max], *(path for path, touched_at in idle if touched_at < before)}:
            self._discard(path)

    def _idle(self) -> list[tuple[Path, float]]:
        """Our unfinished files that nobody is writing, the oldest first, and when each was last touched."""
        found: list[tuple[Path, float]] = []
        for entry in os.scandir(self.folder):
            ours = _OURS.fullmatch(entry.name)
            if ours is not None and ours[1] not in self._open:
                with contextlib.suppress(FileNotFoundError):  # finished in the meantime
                    found.append((Path(entry.path), entry.stat(follow_symlinks=False).st_mtime))
        return sorted(found, key=lambda one: one[1])

    def _discard(self, path: Path) -> None:
        with self._lock:
            if path.stem not in self._open:
                for suffix in {path.suffix, ".hashes"} if path.suffix == ".part" else {path.suffix}:
                    path.with_suffix(suffix).unlink(missing_ok=True)

    def release(self, stem: str) -> None:
        """Nobody writes this content any more."""
        with self._lock:
            self._open.discard(stem)


def stem_of(announce: Announce) -> str:
    """What the files of an unfinished content are called.

    Another root is another file: whoever announces a wrong one must not keep away whoever announces the right one.
    """
    return f"{announce.content.hex()}-{announce.root.hex()[:16]}"


class Partial:
    """One unfinished content, open for writing."""

    def __init__(self, store: Store, announce: Announce, part: Path, hashes: Path) -> None:
        self._store = store
        self._announce = announce
        self._paths = (part, hashes)
        self._whole = blake3()
        self._part = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _OWNER_ONLY)
        try:
            self._hashes = os.open(hashes, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _OWNER_ONLY)
            if announce.size:
                os.posix_fallocate(self._part, 0, announce.size)
            self.position = self._count_verified()
        except BaseException:
            self._close_files()  # and whoever holds the name gives it back
            raise

    def write(self, index: int, data: bytes | memoryview, digest: bytes) -> None:
        """Put a chunk in its place, if it is what its hash says."""
        if digest_of(data) != digest:
            raise TransferRefused(Reason.WRONG_HASH, self._announce.content.hex(), f"chunk {index}")
        try:
            _write_at(self._part, data, index * CHUNK_BYTES)
            _write_at(self._hashes, digest, index * DIGEST_BYTES)
        except OSError as problem:
            raise TransferRefused(Reason.DISK_FULL, self._announce.content.hex(), str(problem.strerror)) from problem
        self._whole.update(data)
        self.position = index + 1

    def finish(self) -> Path:
        """Check the whole, make it durable, and give it its name."""
        part, hashes = self._paths
        if self._whole.digest() != self._announce.content:
            self.close()
            part.unlink(missing_ok=True)
            hashes.unlink(missing_ok=True)
            raise TransferRefused(Reason.WRONG_HASH, self._announce.content.hex(), "all chunks fit, the whole does not")
        target = self._store.path(self._announce.content)
        try:
            if self._store.durable:
                os.fsync(self._part)
            part.rename(target)
            hashes.unlink(missing_ok=True)
            if self._store.durable:
                _sync_folder(target.parent)
        except OSError as problem:
            raise TransferRefused(Reason.DISK_FULL, self._announce.content.hex(), str(problem.strerror)) from problem
        finally:
            self.close()
        return target

    def close(self) -> None:
        """Leave what is there for next time."""
        if self._part >= 0:
            self._close_files()
            self._store.release(stem_of(self._announce))

    def _close_files(self) -> None:
        for descriptor in (self._part, getattr(self, "_hashes", -1)):
            if descriptor >= 0:
                os.close(descriptor)
        self._part = self._hashes = -1

    def _count_verified(self) -> int:
        """How many chunks, from the start, are what their hashes say; the whole's hash learns of them too."""
        known = os.fstat(self._hashes).st_size // DIGEST_BYTES
        for index in range(min(known, chunks_in(self._announce.size))):
            chunk = os.pread(self._part, chunk_length(self._announce.size, index), index * CHUNK_BYTES)
            if digest_of(chunk) != os.pread(self._hashes, DIGEST_BYTES, index * DIGEST_BYTES):
                return index
            self._whole.update(chunk)
        return min(known, chunks_in(self._announce.size))


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
