"""Everything that a peer's run asks its shell to do. Labels name the points at which a crash is tried."""

import msgspec

from shoal_swarm.protocol.folding import Books, Fold
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.round_messages import FromNode


class Send(msgspec.Struct, frozen=True):
    """Say something to every sentinel of the swarm; nothing depends on its arrival."""

    message: FromNode

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return f"peer sends {type(self.message).__name__}"


class Fetch(msgspec.Struct, frozen=True):
    """Get bytes by digest from a node; answered by Fetched, FetchFailed or silence."""

    holder: NodeName
    digests: tuple[Digest, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer fetches pieces"


class FetchList(msgspec.Struct, frozen=True):
    """Get the list of digests under a root from a node; answered by ListFetched, FetchFailed or silence."""

    holder: NodeName
    root: Digest

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer fetches list"


class KeepBlobs(msgspec.Struct, frozen=True):
    """Make blobs durable: file, sync, rename, sync of the folder. Answered by BlobsKept or DiskFailed."""

    digests: tuple[Digest, ...]
    purpose: str
    """`contribution`, `merge` or `result`; shown in labels and logs."""

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return f"peer keeps {self.purpose}"


class DropBlobs(msgspec.Struct, frozen=True):
    """Nobody needs these any more."""

    digests: tuple[Digest, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer drops blobs"


class DropInputs(msgspec.Struct, frozen=True):
    """Inputs of the round before last in the spool: nobody will ask what this node merged then."""

    digests: tuple[Digest, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer drops inputs"


class WriteBooks(msgspec.Struct, frozen=True):
    """Append the books to the journal as one checked entry and sync. Answered by BooksKept or DiskFailed."""

    books: Books
    purpose: str
    """`frozen` or `applied`."""

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return f"peer writes books: {self.purpose}"


class AppendLedger(msgspec.Struct, frozen=True):
    """Append entries to the node's own ledger and sync. Answered by LedgerKept or DiskFailed."""

    entries: tuple[LedgerEntry, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer appends ledger"


class MergeInput(msgspec.Struct, frozen=True):
    """One contribution's pieces of the share, with its weight."""

    node: NodeName
    root: Digest
    weight: float
    pieces: tuple[Digest, ...]


class MergeShare(msgspec.Struct, frozen=True):
    """Merge a share; a single input is published unchanged. Answered by ShareMerged."""

    round: int
    attempt: int
    first: int
    base: tuple[Digest, ...]
    """This share's pieces of the last COMMIT, for what is contributed as a difference from it."""
    inputs: tuple[MergeInput, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer merges share"


class MergeAhead(msgspec.Struct, frozen=True):
    """Begin to merge these pieces of a share, counted from its first; not answered, for MergeShare may never follow."""

    order: MergeShare
    offsets: tuple[int, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer merges ahead"


class Examine(msgspec.Struct, frozen=True):
    """Look whether pieces of a contribution's share can be merged. Answered by Examined."""

    round: int
    attempt: int
    first: int
    input: MergeInput
    offsets: tuple[int, ...]
    """Which of the pieces, counted from the share's first."""

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer examines contribution"


class MeasureGram(msgspec.Struct, frozen=True):
    """Compute the pairwise products of contributions over this node's share. Answered by GramMeasured."""

    round: int
    attempt: int
    inputs: tuple[MergeInput, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer measures gram"


class Train(msgspec.Struct, frozen=True):
    """Let the trainer go on from this COMMIT (from -1: make the first adapter).

    It adds `folds`, and whatever it trained beyond `spoken_for`, the contribution that the protocol already
    looks after (beyond its old base if there is none): that work is in no book, it is the trainer's own.
    """

    base: int
    pieces: tuple[Digest, ...]
    steps: int
    """Local steps to the next sync point."""
    folds: tuple[Fold, ...]
    spoken_for: Digest | None

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer starts trainer"


class TrainOn(msgspec.Struct, frozen=True):
    """No sentinel answers: the trainer may go on to so many steps since the COMMIT, then it waits."""

    steps: int

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer lets trainer drift"


class Stop(msgspec.Struct, frozen=True):
    """The process must end: what it says could no longer be trusted, or nobody wants it."""

    reason: str

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer stops"


class Alarm(msgspec.Struct, frozen=True):
    """Something that a person must see; the peer goes on."""

    sentence: str

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "peer raises alarm"


Effect = (
    Send
    | Fetch
    | FetchList
    | KeepBlobs
    | DropBlobs
    | DropInputs
    | WriteBooks
    | AppendLedger
    | Examine
    | MergeShare
    | MergeAhead
    | MeasureGram
    | Train
    | TrainOn
    | Stop
    | Alarm
)
