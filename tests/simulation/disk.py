"""A simulated disk: what is synced survives a crash, what is not may, in part or not at all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.invariants import InvariantBroken
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest
from tests.simulation.payloads import Blob


@dataclass(slots=True)
class _Write:
    """A write that has been issued and not been reported yet."""

    land: Callable[[Random, bool], None]
    """Put it on the disk: wholly, or as a crash leaves it."""
    done: bool = False


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
    _writes: list[_Write] = field(default_factory=list)

    def keep(self, blobs: Iterable[Blob], done: Callable[[bool], None]) -> None:
        """Write blobs, then report whether they are durable."""
        wanted = list(blobs)

        def land(rng: Random, whole: bool) -> None:
            for blob in wanted:
                if whole or rng.random() < 0.5:
                    self.blobs[blob.digest] = blob
                    self.rotten.discard(blob.digest)

        self._issue(land, done)

    def write_books(self, books: Books, done: Callable[[bool], None]) -> None:
        """Append a page; one that a crash tore fails its checksum, and the page before it counts."""

        def land(rng: Random, whole: bool) -> None:
            if whole or rng.random() < 0.5:
                self.books = books

        self._issue(land, done)

    def append_ledger(self, entries: Iterable[LedgerEntry], done: Callable[[bool], None]) -> None:
        """Append entries in order; a crash leaves a prefix."""
        new = list(entries)

        def land(rng: Random, whole: bool) -> None:
            if new[0].index != len(self.ledger):
                return  # what a crash tore off before it is fetched again
            self.ledger += new if whole else new[: rng.randrange(len(new) + 1)]

        self._issue(land, done, in_order=True)

    def crash(self) -> None:
        """The machine stops: every write under way lands wholly, in part, or not."""
        for write in self._writes:
            write.done = True
            write.land(self.rng, self.rng.random() < 0.3)
        self._writes.clear()

    def wipe(self) -> None:
        """A new, empty disk."""
        for write in self._writes:
            write.done = True
        self._writes.clear()
        self.blobs.clear()
        self.rotten.clear()
        self.books = Books()
        self.ledger.clear()

    def has(self, digests: Iterable[Digest]) -> bool:
        """Whether all of these lie here, flipped bits or not: rot is nobody's lie."""
        return all(digest in self.blobs for digest in digests)

    def read(self, digest: Digest) -> Blob:
        """Bytes that the node counts on."""
        blob = self.blobs.get(digest)
        if blob is None:
            raise InvariantBroken("I5 is broken: a node counts on bytes that it does not have.")
        return blob

    def readable(self) -> list[Digest]:
        """What a start finds whole: every blob is read and hashed, what is rotten is thrown away."""
        for digest in self.rotten:
            self.blobs.pop(digest, None)
        self.rotten.clear()
        return list(self.blobs)

    def _issue(
        self, land: Callable[[Random, bool], None], done: Callable[[bool], None], *, in_order: bool = False
    ) -> None:
        write = _Write(land)
        self._writes.append(write)
        wait_s = 0.01 if in_order else 0.002 + self.rng.expovariate(1 / 0.02)
        self.later(wait_s, self._finish, write, done)

    def _finish(self, write: _Write, done: Callable[[bool], None]) -> None:
        if write.done:
            return
        write.done = True
        self._writes.remove(write)
        if self.is_full:
            write.land(self.rng, False)
            done(False)
        else:
            write.land(self.rng, True)
            done(True)
