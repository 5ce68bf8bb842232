"""A peer's storage on files."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

import msgspec

from shoal_base.errors import PlaceRefused
from shoal_swarm.peer.storage import folder
from shoal_swarm.peer.storage.blobs import BlobFolder
from shoal_swarm.peer.storage.contract import Found, StorageFailed
from shoal_swarm.peer.storage.journal import Journal
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.service.copies import LEDGER
from shoal_swarm.service.entries import Entry

Kind = TypeVar("Kind")

RESERVE_BYTES = 64 << 20
"""Blobs leave this much of the disk free, so that books and ledger always have room."""
JOURNAL_BYTES_MAX = 4 << 20
"""A journal that would grow beyond this is replaced by its newest page."""


def open_storage(place: Path, *, run: RunId, node: NodeName, reserve_bytes: int = RESERVE_BYTES) -> "FileStorage":
    """The storage in a folder, which is made if it is missing.

    Raises `Unavailable` while another process has it, and `PlaceRefused` if it is another node's or run's, was
    written by a newer version, is open to others, or can't be made.
    """
    try:
        handle = folder.hold(place)
        try:
            folder.claim(place, run, node)
            folder.make_inner(place / "blobs")
        except BaseException:
            os.close(handle)
            raise
    except OSError as problem:
        raise PlaceRefused(
            f"{place} can't be made or opened: {problem.strerror}. Give the node a folder that this user may write "
            "to, with room."
        ) from problem
    return FileStorage(place, handle, reserve_bytes)


class FileStorage:
    """Blobs, journal and ledger in a folder that this process holds (the contract says the rest)."""

    def __init__(self, place: Path, handle: int, reserve_bytes: int) -> None:
        self.place = place
        self._handle = handle
        self._reserve_bytes = reserve_bytes
        self._blobs = BlobFolder(place / "blobs")
        self._journal = Journal(place / "journal")
        self._ledger = Journal(place / LEDGER)
        self._is_read_back = False
        self._failure: StorageFailed | None = None
        self._turn = Lock()

    def read_back(self) -> Found:
        """Everything that is whole, made durable before it is returned; the rest is swept."""
        assert not self._is_read_back, "a storage is read back once"
        with self._writing(is_first=True):
            pages = self._journal.open(_newest)
            ledger = self._ledger.open(_beginning)
            blobs, notes = self._blobs.read_back()
            self._is_read_back = True
        if not pages.existed and (ledger.contents or blobs):
            notes.append(f"{self._journal.path} is missing: what this node had frozen or carried is forgotten.")
        return Found(
            books=_decoded(self._journal.path, pages.contents[0], Books) if pages.contents else Books(),
            ledger=tuple(_decoded(self._ledger.path, content, LedgerEntry) for content in ledger.contents),
            blobs=blobs,
            notes=(*pages.flaws, *ledger.flaws, *notes),
        )

    def keep(self, blobs: Iterable[tuple[Digest, bytes]]) -> None:
        """Make blobs durable; room for books and ledger is left free."""
        with self._writing():
            self._blobs.keep(blobs, self._reserve_bytes)

    def drop(self, digests: Iterable[Digest]) -> None:
        """Forget blobs."""
        with self._writing():
            self._blobs.drop(digests)

    def read(self, digest: Digest) -> bytes | None:
        """A blob, checked against its digest; None if it is not there or damaged."""
        try:
            return self._blobs.read(digest)
        except OSError as problem:
            raise StorageFailed(self.place, _spelled(problem)) from problem

    def write_books(self, books: Books) -> None:
        """Append a page to the journal, or begin a new journal with it."""
        with self._writing():
            page = msgspec.msgpack.encode(books)
            if self._journal.size_bytes + len(page) > JOURNAL_BYTES_MAX:
                self._journal.rewrite([page])
            else:
                self._journal.append([page])

    def append_ledger(self, entries: Sequence[LedgerEntry]) -> None:
        """Append entries; from the first index on, what stood there is replaced."""
        with self._writing():
            if not entries:
                return
            first = entries[0].index
            assert first <= self._ledger.number, "entries follow the ledger"
            spelled = [msgspec.msgpack.encode(entry) for entry in entries]
            if first == self._ledger.number:
                self._ledger.append(spelled)
            else:
                before = [entry.content for entry in self._ledger.read()[:first]]
                self._ledger.rewrite([*before, *spelled])

    def read_ledger(self) -> tuple[LedgerEntry, ...]:
        """The own ledger as it stands on the disk now."""
        with self._turn:
            return tuple(_decoded(self._ledger.path, entry.content, LedgerEntry) for entry in self._ledger.read())

    def close(self) -> None:
        """Let another process have this storage."""
        with self._turn:
            self._journal.close()
            self._ledger.close()
            if self._handle >= 0:
                os.close(self._handle)
            self._handle = -1

    @contextmanager
    def _writing(self, *, is_first: bool = False) -> Iterator[None]:
        """One writer at a time, and none after a write that failed."""
        with self._turn:
            assert self._handle >= 0, "this storage is closed"
            assert self._is_read_back or is_first, "read_back comes first"
            if self._failure is not None:
                raise StorageFailed(self.place, self._failure.reason)
            try:
                yield
            except OSError as problem:
                self._failure = StorageFailed(self.place, _spelled(problem))
                raise self._failure from problem
            except StorageFailed as failure:
                self._failure = failure
                raise


def _newest(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Of pages of the books the last one counts."""
    return entries[-1:]


def _beginning(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Of a ledger counts what follows from its first entry without a gap."""
    gap = next((place for place, entry in enumerate(entries) if entry.number != place), len(entries))
    return entries[:gap]


def _decoded(path: Path, content: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except msgspec.MsgspecError as problem:
        raise PlaceRefused(
            f"{path} holds an entry that is whole but not understood: {problem}. Another version of Shoal wrote it; "
            "run that one, or give the node a new folder."
        ) from problem


def _spelled(problem: OSError) -> str:
    return (problem.strerror or str(problem)).lower()
