"""What every storage of a peer owes its caller, on files or simulated.

Before a node says or does something, something is on its disk:

    before                                           these calls have returned
    a manifest or a byte of a contribution leaves    `keep` of its list and pieces, then `write_books` naming it
    HELD, or an owner's result, is said              `keep` of the result's list and pieces
    a COMMIT counts as applied                       `append_ledger` up to it, `keep` of its pieces, `write_books`
    a contribution is dropped                        `write_books` that no longer name it

Nothing else has to survive. Inputs of a merge can be fetched again, an incarnation is given by the register at
HELLO, and what the trainer needs in order to go on is the trainer's own matter.

Duties of a storage
-------------------

1. **Returned means durable.** When `keep`, `write_books` or `append_ledger` has returned, what it wrote outlives
   a killed process and a lost power supply. Until then, nothing of it may be counted on.
2. **What a crash may tear.** Of a `keep` under way any of its blobs may be there afterwards, each of them whole.
   Of `write_books`, the old books or the new ones. Of `append_ledger`, any beginning of its entries.
3. **What was read back is durable too.** What a crash left without its sync is synced before `read_back` returns
   it, so that a second crash can't take away what a restarted node already builds on.
4. **Never wrong bytes.** A blob is what its digest says, or it is lost: `read_back` does not list it and `read`
   returns None. Books are the newest whole ones, and the ledger ends before its first entry that is not whole.
5. **A failed write is fatal.** It raises `StorageFailed`, and so does every later write: after a failed sync the
   operating system may call bytes clean that never reached the disk, so only a new start tells what is there.
6. **One process at a time.** While one has a storage, another is refused.

Duties of a caller
------------------

1. `read_back` comes first, and once.
2. Calls block, some of them for seconds: an event loop makes them in worker threads. Writes, `drop` among them,
   are made in the order of the effects that ask for them, which one worker thread gives for free. `read` may run
   beside them in other threads.
3. After `StorageFailed` the process ends (the event is `DiskFailed`). Nothing that failed is acknowledged.
4. A blob that `read` can't return is reported to the run (the event is `BlobLost`), which has it fetched again;
   what needed it is tried again when it has been kept.
5. What `read_back` lists and nobody names any more is dropped with the next COMMIT, like all surplus: the run
   compares what is kept with what is needed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from shoal_base.errors import PlaceRefused
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest

Content = TypeVar("Content")
"""What a blob is made of: bytes on files; the simulator has payloads of its own."""


class StorageFailed(PlaceRefused):
    """A write or its sync failed. What is on disk now is unknown, and nothing of it was acknowledged."""

    def __init__(self, place: object, reason: str) -> None:
        super().__init__(
            f"{place}: {reason}. Nothing was acknowledged and nothing is lost; mend the disk or free some space, "
            "then start this node again."
        )
        self.reason = reason
        """What the disk said, for `DiskFailed`."""


@dataclass(frozen=True, slots=True)
class Found:
    """What survived, as a start finds it; a peer's run is built from it."""

    books: Books
    ledger: tuple[LedgerEntry, ...]
    blobs: frozenset[Digest]
    notes: tuple[str, ...] = ()
    """What was damaged or torn and is not used: a sentence each, for a person."""


class Storage(Protocol[Content]):
    """What a peer must find again after a crash: blobs, books and its own ledger, of one run."""

    def read_back(self) -> Found:
        """Everything that is whole, made durable before it is returned; the rest is swept."""

    def keep(self, blobs: Iterable[tuple[Digest, Content]]) -> None:
        """Make blobs durable, all of them when this returns. They are taken one by one, so they may come lazily."""

    def drop(self, digests: Iterable[Digest]) -> None:
        """Forget blobs. A crash may bring them back, which harms nobody; what isn't there is no error."""

    def read(self, digest: Digest) -> Content | None:
        """A blob, checked against its digest; None if it is not there or damaged."""

    def write_books(self, books: Books) -> None:
        """Make these the books."""

    def append_ledger(self, entries: Sequence[LedgerEntry]) -> None:
        """Append entries at the place that their index names; an entry that was not believed there is replaced."""

    def read_ledger(self) -> tuple[LedgerEntry, ...]:
        """The own ledger as it stands on the disk now."""

    def close(self) -> None:
        """Let another process have this storage. Whatever has returned is durable without it."""
