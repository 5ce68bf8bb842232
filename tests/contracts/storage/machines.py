"""Machines that a storage lives on: each can be switched off at any moment, filled and scratched.

killed       files; `kill -9` in a forked child, nothing that was written is lost
power lost   files; the power goes, and of what was not synced survives what pleases the disk
simulated    the simulator's disk
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import Any, Protocol
from unittest import mock

from shoal_swarm.peer.storage import Found, Storage, open_storage
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from tests.contracts.storage.samples import digest, some_bytes
from tests.crash.operations import Operations, killed_at, watched
from tests.crash.platter import Platter, lay_out
from tests.simulation.disk import Disk
from tests.simulation.payloads import Blob

Act = Callable[[Storage[Any], Found], None]
"""What a process does after it has started."""
RUN, NODE = RunId("reef"), NodeName("ana")


class Machine(Protocol):
    """A place for a storage, whose processes come and go."""

    def blob(self, number: int) -> tuple[Digest, Any]:
        """A blob as this storage has them."""

    def live(self, act: Act) -> None:
        """A process starts, reads back, acts, and ends without closing anything."""

    def die(self, act: Act, moment: int) -> bool:
        """The same, but it dies at this moment; false if it came to its end before."""

    def scratch(self, number: int) -> None:
        """Flip a bit of a blob."""

    def fill(self) -> AbstractContextManager[None]:
        """No space is left while this lasts."""


@dataclass
class OnFiles:
    """The storage on files."""

    home: Path

    @property
    def place(self) -> Path:
        return self.home / "state" / "ana"

    def blob(self, number: int) -> tuple[Digest, bytes]:
        return digest(number), some_bytes(number)

    def scratch(self, number: int) -> None:
        flip_blob(self.place, number)

    @contextmanager
    def fill(self) -> Iterator[None]:
        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with mock.patch.object(os, "write", refuse):
            yield

    def start(self, act: Act) -> None:
        storage = open_storage(self.place, run=RUN, node=NODE, reserve_bytes=0)
        try:
            act(storage, storage.read_back())
        finally:
            storage.close()  # only the lock and handles: nothing becomes durable by it


class Killed(OnFiles):
    """Processes die by `kill -9`."""

    def live(self, act: Act) -> None:
        with mock.patch.object(os, "fsync"):  # nobody pulls the plug here, so waiting for the disk proves nothing
            self.start(act)

    def die(self, act: Act, moment: int) -> bool:
        return killed_at(moment, lambda: self.start(act))


class PowerLostError(BaseException):
    """The process is no more."""


@dataclass
class PowerLost(OnFiles):
    """The power goes whenever a process ends; `seed` picks what survives, None only what is safe."""

    seed: int | None = None
    _platter: Platter = field(init=False)
    _turn: int = 0

    def __post_init__(self) -> None:
        self.home.mkdir()
        self._platter = Platter(self.home)

    def live(self, act: Act) -> None:
        assert not self.die(act, -1)

    def die(self, act: Act, moment: int) -> bool:
        try:
            return self._run(act, moment)
        finally:
            self._lose_power()

    def _run(self, act: Act, moment: int) -> bool:
        def gone(_: str) -> None:
            raise PowerLostError

        operations = Operations(lambda index: 0 <= moment <= index, gone)
        try:
            with watched(operations), self._platter.watching():
                self.start(act)
        except PowerLostError:
            return True
        return False

    def _dice(self) -> Random:
        return Random(f"{self.seed} {self._turn}")  # noqa: S311 - a world that can be replayed

    def _lose_power(self) -> None:
        self._turn += 1
        left = self._platter.left_after(None if self.seed is None else self._dice())
        rmtree(self.home)
        lay_out(left, self.home)
        self._platter = Platter(self.home)
        self._platter.settle()


class KilledAndLater(PowerLost):
    """Processes die by a signal, and only after the next one has built on what it found does the power go."""

    def die(self, act: Act, moment: int) -> bool:
        if moment < 0:
            return super().die(act, moment)
        return self._run(act, moment)


class Simulated:
    """The simulator's disk; a moment is a throw of its dice."""

    MOMENTS = 40

    def __init__(self) -> None:
        self.disk = Disk(Random(0), lambda *_: None)  # noqa: S311 - a world that can be replayed

    def blob(self, number: int) -> tuple[Digest, Blob]:
        return digest(number), Blob(digest(number), some_bytes(number))

    def live(self, act: Act) -> None:
        act(self.disk, self.disk.read_back())
        self.disk.crash()

    def die(self, act: Act, moment: int) -> bool:
        if moment >= self.MOMENTS:
            self.live(act)
            return False
        self.disk.rng.seed(moment)
        found = self.disk.read_back()
        self.disk.beside(lambda: act(self.disk, found), lambda _: None)
        self.disk.crash()
        return True

    def scratch(self, number: int) -> None:
        self.disk.rotten.add(digest(number))

    @contextmanager
    def fill(self) -> Iterator[None]:
        self.disk.is_full = True
        yield
        self.disk.is_full = False


def flip_blob(place: Path, number: int) -> None:
    """Flip a bit of a blob, wherever it lies; some of their bytes stand in indexes too, but never at the end."""
    content = some_bytes(number)
    for pack in (place / "blobs").glob("*.pack"):
        at = pack.read_bytes().rfind(content)
        if at >= 0:
            flip(pack, at + len(content) // 2)


def flip(path: Path, at: int) -> None:
    """Flip one bit of a file, as a disk does that rots: nothing else of it is written, and it stays flipped."""
    handle = os.open(path, os.O_RDWR)
    try:
        (byte,) = os.pread(handle, 1, at)
        os.pwrite(handle, bytes([byte ^ 0x10]), at)
        os.fsync(handle)
    finally:
        os.close(handle)
