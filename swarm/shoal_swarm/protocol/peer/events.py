"""Everything that can happen to a peer's run."""

import msgspec

from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.round_messages import FromSentinel


class Received(msgspec.Struct, frozen=True):
    """The sentinel said something."""

    message: FromSentinel


class Offered(msgspec.Struct, frozen=True):
    """The trainer is at a sync point: this is its adapter, cut into pieces that lie in a spool."""

    base: int
    """The round whose COMMIT it was trained from; -1 for the first adapter."""
    root: Digest
    pieces: tuple[Digest, ...]
    examples: int
    steps: int
    """Local steps since that COMMIT."""
    folds: tuple[Digest, ...]
    """The late contributions that it was told to fold in, and did."""


class Fetched(msgspec.Struct, frozen=True):
    """Bytes came from a node; these are their digests, as computed here from what arrived."""

    holder: NodeName
    digests: tuple[Digest, ...]


class ListFetched(msgspec.Struct, frozen=True):
    """A list of digests came from a node, in answer to the root that was asked for."""

    holder: NodeName
    root: Digest
    digests: tuple[Digest, ...]


class FetchFailed(msgspec.Struct, frozen=True):
    """A node can't be reached, or does not have these."""

    holder: NodeName
    digests: tuple[Digest, ...]


class BlobsKept(msgspec.Struct, frozen=True):
    """These lie durably on this node's disk: written, synced, and found again after a crash."""

    digests: tuple[Digest, ...]


class BlobLost(msgspec.Struct, frozen=True):
    """A blob of this node does not have its bytes any more."""

    digest: Digest


class BooksKept(msgspec.Struct, frozen=True):
    """The books lie durably on disk as they were last written."""


class LedgerKept(msgspec.Struct, frozen=True):
    """The node's own ledger lies durably on disk up to this length."""

    length: int


class DiskFailed(msgspec.Struct, frozen=True):
    """A write or its sync failed. What is on disk now is unknown."""

    reason: str


class Examined(msgspec.Struct, frozen=True):
    """Pieces of a contribution were looked at: they can be merged, or there is a problem, told in a sentence."""

    round: int
    attempt: int
    root: Digest
    offsets: tuple[int, ...]
    problem: str | None


class ShareMerged(msgspec.Struct, frozen=True):
    """A merge is done; the result lies in a spool."""

    round: int
    attempt: int
    pieces: tuple[Digest, ...]


class GramMeasured(msgspec.Struct, frozen=True):
    """Pairwise products of these contributions over this node's share."""

    round: int
    attempt: int
    roots: tuple[Digest, ...]
    rows: tuple[tuple[float, ...], ...]


class Leaving(msgspec.Struct, frozen=True):
    """The person or program that runs this node wants it to leave."""


class Ticked(msgspec.Struct, frozen=True):
    """Nothing arrived, but the clock moved."""


Event = (
    Received
    | Offered
    | Fetched
    | ListFetched
    | FetchFailed
    | BlobsKept
    | BlobLost
    | BooksKept
    | LedgerKept
    | DiskFailed
    | Examined
    | ShareMerged
    | GramMeasured
    | Leaving
    | Ticked
)
