"""What the simulated swarm trains and merges, behind one small interface.

Symbolic payloads make every piece a list of the units of work inside it, so that a lost or doubled
contribution is seen as a missing or doubled number. Real payloads (real_payloads.py) are bytes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import Digest


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes on a disk or on the wire, as the simulator sees them."""

    digest: Digest
    content: object


class Payloads(Protocol):
    """How adapters come about."""

    def first(self, unit: int) -> list[Blob]:
        """The adapter that all start from."""

    def trained(self, base: Sequence[Blob], units: Sequence[int]) -> list[Blob]:
        """A contribution: the base after these units of work."""

    def merged(self, first: int, base: Sequence[Blob], inputs: Sequence[tuple[float, Sequence[Blob]]]) -> list[Blob]:
        """The new absolute value of a share's pieces."""

    def work_in(self, pieces: Sequence[Blob]) -> list[Counter[int]] | None:
        """Units of work in each piece, where they can be told."""


@dataclass(frozen=True, slots=True)
class Symbolic:
    """Pieces as lists of units of work."""

    pieces: int

    def first(self, unit: int) -> list[Blob]:
        return [_blob(index, (unit,)) for index in range(self.pieces)]

    def trained(self, base: Sequence[Blob], units: Sequence[int]) -> list[Blob]:
        return [_blob(index, (*_units(blob), *units)) for index, blob in enumerate(base)]

    def merged(self, first: int, base: Sequence[Blob], inputs: Sequence[tuple[float, Sequence[Blob]]]) -> list[Blob]:
        merged: list[Blob] = []
        for offset in range(len(inputs[0][1])):
            old = _units(base[offset]) if base else ()
            new = [unit for _, blobs in inputs for unit in _units(blobs[offset])[len(old) :]]
            merged.append(_blob(first + offset, (*old, *new)))
        return merged

    def work_in(self, pieces: Sequence[Blob]) -> list[Counter[int]] | None:
        return [Counter(_units(blob)) for blob in pieces]


def _units(blob: Blob) -> tuple[int, ...]:
    content = blob.content
    assert isinstance(content, tuple)
    return content[1]


def _blob(index: int, units: tuple[int, ...]) -> Blob:
    key = (index, units)
    return Blob(digest_of(repr(key).encode()), key)


def by_count(_gram: tuple[tuple[float, ...], ...], counts: tuple[int, ...]) -> tuple[float, ...]:
    """By number of examples; good enough where the arithmetic is not the subject."""
    return tuple(count / sum(counts) for count in counts)
