"""Checked entries: how a journal spells what it appends, so that a reader tells whole from torn.

    entry = "SHL1" ‖ number u64 ‖ length u32 ‖ digest(number ‖ length ‖ content) ‖ content

A write that was cut short, a page of zeros and a flipped bit all fail the digest. The number keeps an entry from
being believed in another's place. Behind bytes that are no entry the reader looks for the next one: what is whole
there was acknowledged, so whatever came before it is damage and no torn tail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from shoal_swarm.protocol.digests import DIGEST_BYTES, digest_of

MAGIC: Final = b"SHL1"
_HEAD: Final = Struct(">QI")
_CONTENT_AT: Final = len(MAGIC) + _HEAD.size + DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class Entry:
    """One whole entry."""

    number: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file of entries turned out to hold."""

    entries: tuple[Entry, ...]
    damaged_bytes: int
    """Bytes that are no entry, with a whole entry behind them."""
    torn_bytes: int
    """Bytes at the end that are no entry: a write that was cut short, or damage that can't be told from one."""


def spelled(number: int, content: bytes) -> bytes:
    """An entry as it stands in the file."""
    head = _HEAD.pack(number, len(content))
    return MAGIC + head + digest_of(head + content) + content


def read_entries(data: bytes) -> Reading:
    """Every whole entry of a file, in order."""
    entries: list[Entry] = []
    end = whole = 0
    for start, entry in _whole_entries(data):
        entries.append(entry)
        end = start + _CONTENT_AT + len(entry.content)
        whole += _CONTENT_AT + len(entry.content)
    return Reading(tuple(entries), end - whole, len(data) - end)


def _whole_entries(data: bytes) -> Iterator[tuple[int, Entry]]:
    at = data.find(MAGIC)
    while at >= 0:
        entry = _entry_at(data, at)
        if entry is not None:
            yield at, entry
        at = data.find(MAGIC, at + (1 if entry is None else _CONTENT_AT + len(entry.content)))


def _entry_at(data: bytes, at: int) -> Entry | None:
    if at + _CONTENT_AT > len(data):
        return None
    head = data[at + len(MAGIC) : at + len(MAGIC) + _HEAD.size]
    number, length = _HEAD.unpack(head)
    content = data[at + _CONTENT_AT : at + _CONTENT_AT + length]
    seal = data[at + _CONTENT_AT - DIGEST_BYTES : at + _CONTENT_AT]
    if len(content) != length or digest_of(head + content) != seal:
        return None
    return Entry(number, content)
