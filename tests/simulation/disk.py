"""A simulated disk: what is synced survives a crash, what is not may, in part or not at all.

It is a storage like the one on files and is held to the same suite (contracts/storage). A simulated node calls
it beside its loop: each write takes a while, and a crash or a full disk may strike in the middle of it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from shoal_swarm.peer.storage.contract import Found, StorageFailed
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest
from tests.simulation.payloads import Blob

NO_SPACE = "no space left on device"


@dataclass(slots=True)
class _Write:
    """A call that has been made and has not returned yet."""

    call: Callable[[], None]
    has_returned: bool = False


@dataclass(slots=True)
class Disk:
    """One node's disk."""

    rng: Random
    later: Callable[..., None]
    blobs: dict[Digest, Blob] = field(default_factory=dict)
    rotten: set[Digest] = field(default_factory=set)
    """Blobs with a flipped bit."""
    books: Books = field(default_factory=Books)
    ledger: list[LedgerEntry] = field(default_factory=list)
    is_full: bool = False
    """Writes land in part and fail; so does one that a crash cuts short."""
    has_failed: bool = False
    """A write has failed since the last start, so none is taken before the next one."""
    _writes: list[_Write] = field(default_factory=list)

    # -- the contract: calls that return when what they wrote is durable ---------------------------------------

    def read_back(self) -> Found:
        """What a start finds whole: every blob is read and hashed, what is rotten is thrown away."""
        self.has_failed = False
        notes = [f"blob {digest.hex()[:12]} is lost" for digest in sorted(self.rotten & self.blobs.keys())]
        for digest in self.rotten:
            self.blobs.pop(digest, None)
        self.rotten.clear()
        return Found(self.books, tuple(self.ledger), frozenset(self.blobs), tuple(notes))

    def keep(self, blobs: Iterable[tuple[Digest, Blob]]) -> None:
        """Write blobs; a crash leaves any of them."""
        self._must_not_have_failed()
        for digest, blob in blobs:
            if not self.is_full or self.rng.random() < 0.5:
                self.blobs[digest] = blob
                self.rotten.discard(digest)
        self._must_have_space()

    def drop(self, digests: Iterable[Digest]) -> None:
        """Forget blobs."""
        for digest in digests:
            self.blobs.pop(digest, None)

    def read(self, digest: Digest) -> Blob | None:
        """A blob, unless it is not there or rotten."""
        return None if digest in self.rotten else self.blobs.get(digest)

    def write_books(self, books: Books) -> None:
        """Append a page; one that a crash tore fails its checksum, and the page before it counts."""
        self._must_not_have_failed()
        if not self.is_full or self.rng.random() < 0.5:
            self.books = books
        self._must_have_space()

    def append_ledger(self, entries: Sequence[LedgerEntry]) -> None:
        """Append entries in order; a crash leaves a beginning."""
        self._must_not_have_failed()
        first = entries[0].index
        if first <= len(self.ledger):  # what a crash tore off before it is fetched again
            landing = len(entries) if not self.is_full else self.rng.randrange(len(entries) + 1)
            self.ledger[first:] = entries[:landing]
        self._must_have_space()

    def read_ledger(self) -> tuple[LedgerEntry, ...]:
        return tuple(self.ledger)

    def close(self) -> None:
        """Nothing is held."""

    # -- what the simulator does to it -------------------------------------------------------------------------

    def beside(self, call: Callable[[], None], done: Callable[[bool], None], *, in_order: bool = False) -> None:
        """Make a call beside the node's loop, and say later whether what it wrote is durable."""
        write = _Write(call)
        self._writes.append(write)
        wait_s = 0.01 if in_order else 0.002 + self.rng.expovariate(1 / 0.02)
        self.later(wait_s, self._return, write, done)

    def crash(self) -> None:
        """The machine stops: every write under way lands wholly, in part, or not."""
        for write in self._forget_writes():
            self.has_failed = False  # each of them was under way before any failed
            self._perform(write, fails=self.rng.random() >= 0.3)

    def wipe(self) -> None:
        """A new, empty disk."""
        self._forget_writes()
        self.blobs.clear()
        self.rotten.clear()
        self.books = Books()
        self.ledger.clear()

    def has(self, digests: Iterable[Digest]) -> bool:
        """Whether all of these lie here, flipped bits or not: rot is nobody's lie."""
        return all(digest in self.blobs for digest in digests)

    def _return(self, write: _Write, done: Callable[[bool], None]) -> None:
        if write.has_returned:
            return
        write.has_returned = True
        self._writes.remove(write)
        done(self._perform(write, fails=self.is_full))

    def _perform(self, write: _Write, *, fails: bool) -> bool:
        was_full, self.is_full = self.is_full, fails
        try:
            write.call()
        except StorageFailed:
            return False
        finally:
            self.is_full = was_full
        return True

    def _forget_writes(self) -> list[_Write]:
        writes, self._writes = self._writes, []
        for write in writes:
            write.has_returned = True
        return writes

    def _must_have_space(self) -> None:
        if self.is_full:
            self.has_failed = True
            raise StorageFailed("a simulated disk", NO_SPACE)

    def _must_not_have_failed(self) -> None:
        if self.has_failed:
            raise StorageFailed("a simulated disk", NO_SPACE)
