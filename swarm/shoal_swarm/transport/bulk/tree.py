"""The hash tree over a content's chunks: two levels of lists, so that no list exceeds 32 KiB. Pure.

A content's name is the BLAKE3 of its bytes, what `b3sum` prints; it can only be checked at the end. The tree
allows every chunk to be checked when it arrives. Chunks travel in order; so the hash that is listed for a chunk is
that of all bytes from the start of the content to the end of the chunk. It costs nothing beside hashing the
content once, which either side must do anyway, and for the last chunk it is the content's name. The lists are
hashed under contexts of their own, so that no list can pass for a content, and the root covers the size too.

    root ── top list ── one hash for each group ── list of up to 1024 hashes ── chunks of 1 MiB
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from shoal_swarm.protocol.messages import CHUNK_BYTES, DIGEST_BYTES, HASHES_PER_LIST

_GROUP_CONTEXT: Final = "shoal 2026-11 bulk: list of chunk hashes"
_TOP_CONTEXT: Final = "shoal 2026-11 bulk: top list and size"


def digest_of(data: bytes | memoryview) -> bytes:
    """The BLAKE3 of some bytes."""
    return blake3(data).digest()


def chunks_in(size: int) -> int:
    """How many chunks a content of `size` bytes has."""
    return -(-size // CHUNK_BYTES)


def chunk_length(size: int, index: int) -> int:
    """How long chunk `index` is."""
    return min(CHUNK_BYTES, size - index * CHUNK_BYTES)


def groups_in(chunks: int) -> int:
    """How many lists name that many chunks."""
    return -(-chunks // HASHES_PER_LIST)


def group_digest(group: int, hashes: bytes | memoryview) -> bytes:
    """The hash of one list of chunk hashes, bound to its place."""
    return blake3(group.to_bytes(8, "big") + bytes(hashes), derive_key_context=_GROUP_CONTEXT).digest()


def root_digest(size: int, top: bytes) -> bytes:
    """The root: what an announcement names."""
    return blake3(size.to_bytes(8, "big") + top, derive_key_context=_TOP_CONTEXT).digest()


@dataclass(frozen=True, slots=True)
class Description:
    """A content without its bytes: what an announcement says, and the lists behind it."""

    content: bytes
    size: int
    hashes: bytes
    """For every chunk the hash of all bytes up to its end, one after the other."""

    @property
    def chunks(self) -> int:
        """How many there are."""
        return chunks_in(self.size)

    @property
    def top(self) -> bytes:
        """The top list."""
        return b"".join(group_digest(group, self.group(group)) for group in range(groups_in(self.chunks)))

    @property
    def root(self) -> bytes:
        """What binds the lists."""
        return root_digest(self.size, self.top)

    def group(self, group: int) -> bytes:
        """One list of chunk hashes."""
        step = HASHES_PER_LIST * DIGEST_BYTES
        return self.hashes[group * step : (group + 1) * step]


def describe(chunks: Iterable[bytes | memoryview], size: int) -> Description:
    """The description of a content of `size` bytes, given chunk after chunk."""
    whole = blake3()
    hashes = bytearray()
    for chunk in chunks:
        whole.update(chunk)
        hashes += whole.digest()
    return Description(whole.digest(), size, bytes(hashes))
