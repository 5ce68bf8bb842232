"""Blobs in a folder, many to a file: what is kept together lies together in one pack.

    pack     its index, then the blobs one right after the other
    index    for each blob its digest (32 bytes) and its size (8 bytes)
    name     how many blobs it has, the digest of the index in hexadecimal, and `.pack`

An adapter has dozens of pieces of a few kilobytes. As files of their own, each waits for its turn in the disk's
log; packed, they cost one sync for the file and one for the folder. A pack is written under a partial name, synced,
and then renamed, so whatever has such a name is whole, but for what the disk itself has spoilt since.

A pack goes when none of its blobs is needed any more. Until then the others take their room, which is bounded: each
blob that is needed holds at most one pack.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shoal_swarm.peer.storage import files
from shoal_swarm.peer.storage.contract import StorageFailed
from shoal_swarm.protocol.digests import DIGEST_BYTES, digest_of
from shoal_swarm.protocol.names import Digest

PACK_BYTES_MAX = 16 << 20
"""A pack takes no further blob once it has so many bytes; they are held in memory until it is written."""
FILE_BYTES_MAX = 1 << 30
"""A file that is larger is no pack: pieces are far smaller."""
PACK_SUFFIX = ".pack"
_SIZE_BYTES = 8
_ENTRY_BYTES = DIGEST_BYTES + _SIZE_BYTES


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a blob lies."""

    pack: Path
    start: int
    size: int


class BlobFolder:
    """A folder of blobs, which one process at a time writes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[Digest, _Place] = {}
        self._needed: dict[Path, set[Digest]] = {}
        """The blobs for whose sake each pack is here."""

    def keep(self, blobs: Iterable[tuple[Digest, bytes]], reserve_bytes: int) -> None:
        """Make blobs durable while the disk has this much room beside them."""
        packs = [self._write(content, reserve_bytes) for content in _packed(blobs)]
        files.sync_folder(self.folder)
        for places in packs:  # and not before: what stands there now is durable until the new one is
            self._enter(places)

    def drop(self, digests: Iterable[Digest]) -> None:
        """Take blobs away. No sync: a blob that comes back after a crash is true as ever."""
        for digest in digests:
            place = self._places.pop(digest, None)
            if place is not None:
                self._leave(place.pack, digest)

    def read(self, digest: Digest) -> bytes | None:
        """A blob, if its pack is there and holds what its index says."""
        place = self._places.get(digest)
        if place is None:
            return None
        content = files.read_file(place.pack, FILE_BYTES_MAX, start=place.start, size=place.size)
        return content if content is not None and _is(content, digest) else None

    def read_back(self) -> tuple[frozenset[Digest], list[str]]:
        """Every whole blob, its name made durable; what is damaged or half-written is swept."""
        notes: list[str] = []
        damaged: list[Path] = []
        for path in sorted(self.folder.iterdir()):
            if path.name.endswith(files.PARTIAL_SUFFIX):
                path.unlink()
            elif path.suffix != PACK_SUFFIX:
                notes.append(f"{path} is no blob; it is not used. Whoever put it there should take it away.")
            elif flaws := self._open(path):
                notes += flaws
                damaged.append(path)
        files.sync_folder(self.folder)
        for path in damaged:  # and not before: what was whole in it is durable elsewhere now
            _sweep(path)
        if damaged:
            files.sync_folder(self.folder)
        return frozenset(self._places), notes

    def _write(self, contents: Mapping[Digest, bytes | memoryview], reserve_bytes: int) -> dict[Digest, _Place]:
        index = b"".join(digest + len(content).to_bytes(_SIZE_BYTES) for digest, content in contents.items())
        path = self.folder / _name(index)
        self._check_room(path, len(index) + sum(map(len, contents.values())), reserve_bytes)
        handle = files.create(files.partial_of(path))
        try:
            for part in (index, *contents.values()):
                files.write_all(handle, part)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(files.partial_of(path), path)  # noqa: PTH105 - one spelling for every operation
        return dict(_places(path, index))

    def _check_room(self, path: Path, wanted_bytes: int, reserve_bytes: int) -> None:
        room = os.statvfs(self.folder)
        if room.f_bavail * room.f_frsize < wanted_bytes + reserve_bytes:
            raise StorageFailed(path, f"no space left on the disk beside the reserve of {reserve_bytes >> 20} MiB")

    def _open(self, path: Path) -> list[str]:
        """Take up what is whole in a pack, in a new one where not all of it is; what is not, in sentences."""
        data = memoryview(files.read_file(path, FILE_BYTES_MAX) or b"")
        index = _index_of(path, data)
        if not index:
            return [f"{path} does not begin with the index that its name says: its blobs are lost."]
        places = dict(_places(path, index))
        contents = {digest: data[place.start : place.start + place.size] for digest, place in places.items()}
        whole = {digest: content for digest, content in contents.items() if _is(content, digest)}
        lost = contents.keys() - whole.keys()
        if whole:
            self._enter(self._write(whole, 0) if lost else places)
        return [f"{path} does not hold {digest.hex()} as its index says: the blob is lost." for digest in sorted(lost)]

    def _enter(self, places: dict[Digest, _Place]) -> None:
        """Blobs of one pack are durable; where they were before they are not needed any more."""
        for digest, place in places.items():
            before, self._places[digest] = self._places.get(digest), place
            self._needed.setdefault(place.pack, set()).add(digest)
            if before is not None and before.pack != place.pack:
                self._leave(before.pack, digest)

    def _leave(self, pack: Path, digest: Digest) -> None:
        needed = self._needed[pack]
        needed.discard(digest)
        if not needed:
            del self._needed[pack]
            pack.unlink(missing_ok=True)


def _packed(blobs: Iterable[tuple[Digest, bytes]]) -> Iterator[dict[Digest, bytes]]:
    """Blobs as they come, in packs of about the largest size."""
    pack: dict[Digest, bytes] = {}
    size = 0
    for digest, content in blobs:
        assert len(content) <= FILE_BYTES_MAX // 2, "pieces are cut far smaller"
        if not _is(content, digest):
            raise StorageFailed(
                digest.hex(), "the bytes to be kept are not what their digest says; their source was changed"
            )
        size += len(content) if digest not in pack else 0
        pack[digest] = content
        if size >= PACK_BYTES_MAX:
            yield pack
            pack, size = {}, 0
    if pack:
        yield pack


def _name(index: bytes) -> str:
    return f"{len(index) // _ENTRY_BYTES}-{digest_of(index).hex()}{PACK_SUFFIX}"


def _index_of(path: Path, data: memoryview) -> bytes:
    """The index at the beginning of a pack; empty where it is not the one that the name says."""
    count = path.name.partition("-")[0]
    index = bytes(data[: int(count) * _ENTRY_BYTES]) if count.isdecimal() else b""
    return index if _name(index) == path.name else b""


def _places(pack: Path, index: bytes) -> Iterator[tuple[Digest, _Place]]:
    start = len(index)
    for at in range(0, len(index), _ENTRY_BYTES):
        digest, size = index[at : at + DIGEST_BYTES], int.from_bytes(index[at + DIGEST_BYTES : at + _ENTRY_BYTES])
        yield Digest(digest), _Place(pack, start, size)
        start += size


def _is(content: bytes | memoryview, digest: Digest) -> bool:
    """Whether these are the bytes that the digest names."""
    return digest_of(content) == digest


def _sweep(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink()
