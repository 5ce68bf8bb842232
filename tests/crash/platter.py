"""What a disk still holds when the power goes: only what was synced, and of the rest whatever it pleases.

A `Platter` watches a folder through the process's own file operations. A file's bytes are safe once the file was
synced, a name once its folder was. At the end it lays out a folder as a lost power supply may leave it: at worst
with nothing but what is safe, or with any mixture of old and new names, of old, new, cut and zeroed bytes.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

Names = dict[str, "tuple[int, bool]"]
"""What stands in a folder: each name with the thing that it names, and whether that is a folder."""


@dataclass
class Platter:
    """The disk under one folder."""

    top: Path
    _things: dict[int, int] = field(default_factory=dict)
    """By inode, which thing it is: an inode that was given free may come back as something else."""
    _count: int = 0
    _safe_bytes: dict[int, bytes] = field(default_factory=dict)
    _safe_names: dict[int, Names] = field(default_factory=dict)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notice what is synced, inside whatever else is watching."""
        real = {name: getattr(os, name) for name in ("fsync", "replace", "unlink")}

        def fsync(handle: int) -> None:
            real["fsync"](handle)
            self._sync(handle)

        def leaving(name: str, path_at: int) -> Callable[..., None]:
            def call(*args: Any) -> None:  # noqa: ANN401 - as the operation has them
                gone = _stat(args[path_at])
                real[name](*args)
                if gone is not None:
                    self._things.pop(gone.st_ino, None)

            return call

        with mock.patch.multiple(os, fsync=fsync, unlink=leaving("unlink", 0), replace=leaving("replace", 1)):
            yield

    def settle(self) -> None:
        """Everything that is there now is safe: this is how the machine finds its disk."""
        for path in (self.top, *self.top.rglob("*")):
            if path.is_dir():
                self._safe_names[self._thing(path.stat())] = self._names(path)
            else:
                self._safe_bytes[self._thing(path.stat())] = path.read_bytes()

    def left_after(self, rng: Random | None) -> dict[str, bytes | None]:
        """The files (and folders, as None) that lost power may leave; without `rng`, only what is safe."""
        left: dict[str, bytes | None] = {}
        self._lay_out(self._thing(self.top.stat()), self.top, Path(), rng, left)
        return left

    def _lay_out(
        self, folder: int, now_at: Path | None, where: Path, rng: Random | None, left: dict[str, bytes | None]
    ) -> None:
        safe = self._safe_names.get(folder, {})
        now = {} if now_at is None else self._names(now_at)
        for name in sorted(safe.keys() | now.keys()):
            named = safe.get(name) if rng is None or rng.random() < 0.5 else now.get(name)
            if named is None:
                continue
            thing, is_folder = named
            here = now_at / name if now_at is not None and now.get(name) == named else None
            if is_folder:
                left[str(where / name)] = None
                self._lay_out(thing, here, where / name, rng, left)
            else:
                left[str(where / name)] = self._bytes_left(thing, here, rng)

    def _bytes_left(self, thing: int, here: Path | None, rng: Random | None) -> bytes:
        safe = self._safe_bytes.get(thing, b"")
        if rng is None or here is None:
            return safe
        now = here.read_bytes()
        begun = len(safe) if now.startswith(safe) else 0
        cut = rng.randint(begun, len(now))
        return rng.choice([safe, now, now[:cut], now[:cut] + bytes(len(now) - cut)])

    def _sync(self, handle: int) -> None:
        facts = os.fstat(handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if stat.S_ISDIR(facts.st_mode):
            self._safe_names[self._thing(facts)] = self._names(path)
        else:
            self._safe_bytes[self._thing(facts)] = path.read_bytes()

    def _names(self, folder: Path) -> Names:
        with os.scandir(folder) as found:
            return {entry.name: (self._thing(entry.stat()), entry.is_dir()) for entry in found}

    def _thing(self, facts: os.stat_result) -> int:
        if facts.st_ino not in self._things:
            self._count += 1
            self._things[facts.st_ino] = self._count
        return self._things[facts.st_ino]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def lay_out(left: dict[str, bytes | None], top: Path) -> None:
    """Make a folder of what is left."""
    top.mkdir(mode=0o700)
    for name, content in left.items():
        if content is None:
            (top / name).mkdir(mode=0o700)
        else:
            (top / name).write_bytes(content)
            (top / name).chmod(0o600)
