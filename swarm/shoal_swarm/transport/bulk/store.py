"""Contents on disk: whole ones under their hash, unfinished ones with the hashes of the chunks they have.

    <hash>                  whole, verified, durable
    <hash>-<root>.part      unfinished: the chunks so far, in a file as long as the whole will be
    <hash>-<root>.hashes    the hashes of what came up to the end of each chunk, all verified against the tree

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
from functools import partial
from pathlib import Path
from typing import Final

from shoal_base.errors import PlaceRefused
from shoal_swarm.protocol.messages import Announce
from shoal_swarm.transport.bulk.partial import OWNER_ONLY, Partial, sync_folder, write_at
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.reasons import Reason, TransferRefused

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
    _open: dict[str, int] = field(init=False, default_factory=dict)
    """The unfinished contents that somebody writes, and the room that each was promised and has not taken yet."""
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

    def begin(self, announce: Announce) -> Partial:
        """Start or resume a content; raises `TransferRefused` where it cannot be taken now."""
        about, stem = announce.content.hex(), stem_of(announce)
        with self._lock:
            if stem in self._open:
                raise TransferRefused(Reason.ALREADY_COMING, about)
            self._open[stem] = 0
        try:
            self._collect()
            part = self.folder / f"{stem}.part"
            missing = announce.size - (part.stat().st_blocks * 512 if part.exists() else 0)
            self._make_room(missing, about)
            self._open[stem] = max(0, missing)
            took_room, closed = partial(self._took_room, stem), partial(self._release, stem)
            return Partial(announce, part, durable=self.durable, took_room=took_room, closed=closed)
        except OSError as problem:
            self._release(stem)
            raise TransferRefused(Reason.DISK_FULL, about, str(problem.strerror)) from problem
        except BaseException:
            self._release(stem)
            raise

    def put(self, content: bytes, data: bytes | memoryview) -> Path:
        """Keep a content of one chunk, whose hash was checked."""
        about = content.hex()
        self._make_room(len(data), about)
        target = self.path(content)
        fresh = target.with_name(f"{about}-{secrets.token_hex(4)}.new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
            try:
                write_at(descriptor, data, 0)
                if self.durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            fresh.rename(target)
            if self.durable:
                sync_folder(self.folder)
        except OSError as problem:
            fresh.unlink(missing_ok=True)
            raise TransferRefused(Reason.DISK_FULL, about, str(problem.strerror)) from problem
        return target

    def _make_room(self, wanted_bytes: int, about: str) -> None:
        """Unfinished contents that nobody is sending give way, the oldest first; then the answer is no."""
        idle: list[Path] | None = None
        while wanted_bytes > 0 and self.free_bytes(self.folder) - self._promised() - wanted_bytes < self.reserve_bytes:
            idle = [path for path, _ in self._idle()] if idle is None else idle
            if not idle:
                raise TransferRefused(Reason.DISK_FULL, about, f"{wanted_bytes} bytes are needed")
            self._discard(idle.pop(0))

    def _promised(self) -> int:
        with self._lock:
            return sum(self._open.values())

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

    def _took_room(self, stem: str) -> None:
        with self._lock:
            self._open[stem] = 0

    def _release(self, stem: str) -> None:
        with self._lock:
            self._open.pop(stem, None)


def stem_of(announce: Announce) -> str:
    """What the files of an unfinished content are called.

    Another root is another file: whoever announces a wrong one must not keep away whoever announces the right one.
    """
    return f"{announce.content.hex()}-{announce.root.hex()[:16]}"
