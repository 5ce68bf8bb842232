"""A file of checked entries that is appended to, and replaced when it should begin anew.

Opening rewrites it: what is whole goes into a new file, which is synced and takes the old one's name. That cuts
a torn tail, and it makes durable what a dead process had written and never synced.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal_swarm.peer.storage import files
from shoal_swarm.service.entries import Entry, Reading, read_entries, spelled

Choice = Callable[[Sequence[Entry]], Sequence[Entry]]
"""Which of the whole entries of a file count."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal's file held when it was opened."""

    contents: tuple[bytes, ...]
    """Those of its entries that count."""
    existed: bool
    flaws: tuple[str, ...]
    """What was not whole, as sentences."""


class Journal:
    """One file of entries, open for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number, self.size_bytes, self._handle = 0, 0, -1

    def open(self, choice: Choice) -> Recovered:
        """Read the file, if it is there, and begin it anew with what counts of it."""
        files.partial_of(self.path).unlink(missing_ok=True)
        data = files.read_file(self.path)
        reading = read_entries(data or b"")
        contents = tuple(entry.content for entry in choice(reading.entries))
        self.rewrite(contents)
        return Recovered(contents, data is not None, _flaws(self.path, reading))

    def append(self, contents: Iterable[bytes]) -> None:
        """Add entries at the end, in one write and one sync."""
        data = self._spell(contents)
        files.write_all(self._handle, data)
        os.fsync(self._handle)
        self.size_bytes += len(data)

    def rewrite(self, contents: Iterable[bytes]) -> None:
        """Let the file hold these entries and no others, from one instant to the next."""
        self.number = 0
        data = self._spell(contents)
        new = files.replace(self.path, data)
        self.close()
        self._handle, self.size_bytes = new, len(data)

    def read(self) -> tuple[Entry, ...]:
        """The entries as they stand on disk now."""
        return read_entries(files.read_file(self.path) or b"").entries

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def _spell(self, contents: Iterable[bytes]) -> bytes:
        parts: list[bytes] = []
        for content in contents:
            parts.append(spelled(self.number, content))
            self.number += 1
        return b"".join(parts)


def _flaws(path: Path, reading: Reading) -> tuple[str, ...]:
    flaws: list[str] = []
    if reading.damaged_bytes:
        flaws.append(f"{path}: {reading.damaged_bytes} bytes in its midst are damaged; they are not used.")
    if reading.torn_bytes:
        flaws.append(
            f"{path}: the last {reading.torn_bytes} bytes are no whole entry, because a write was cut short there or "
            "because they are damaged; they are not used."
        )
    return tuple(flaws)
