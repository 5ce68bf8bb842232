"""What nodes and the sentinel say to each other about rounds. Names, hashes and numbers; never a tensor.

Everything a node says carries the incarnation that it was welcomed under, so a process that has been
replaced talks to deaf ears. Everything is said again on the next tick until the ledger moves on, so any
message may be lost, doubled or late.
"""

from typing import Annotated, Final, TypeAlias

import msgspec

from shoal_swarm.protocol.base import Message
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Hash, NodeName, RunId
from shoal_swarm.protocol.signed import SignedManifest, SignedResult

BATCH_CONTENTS_MAX: Final = 512
BATCHED_BYTES_MAX: Final = 256 << 10
"""A larger content travels by itself."""
BatchSize: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=BATCHED_BYTES_MAX)]
Hashes: TypeAlias = Annotated[tuple[Hash, ...], msgspec.Meta(max_length=1024)]
Nonce: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-zA-Z/-]{1,64}$")]
REASON_CHARACTERS_MAX: Final = 300
Reason: TypeAlias = Annotated[str, msgspec.Meta(max_length=REASON_CHARACTERS_MAX)]
Place: TypeAlias = Annotated[str, msgspec.Meta(max_length=255)]


class Join(Message, frozen=True, tag="join"):
    """A node's process introduces itself; answered by Joined or Refused."""

    run: RunId
    boot_nonce: Nonce
    config_hash: Hash
    fit: Fit
    address: Place


class FromMember(Message, frozen=True):
    """What only a welcomed process says."""

    run: RunId
    incarnation: int


class Lease(FromMember, frozen=True, tag="lease"):
    """The claim: I am here, and this is how far I am."""

    version: int
    """Length of the node's ledger; the sentinel sends what follows."""
    applied: int
    ready: bool
    """Whether a contribution to the next round is at hand."""
    address: Place


class Contribution(FromMember, frozen=True, tag="contribution"):
    """A frozen contribution is announced; it is durable on its node."""

    signed: SignedManifest


class Have(FromMember, frozen=True, tag="have"):
    """An owner has these contributions complete for its share, and what their pairwise products are."""

    round: int
    attempt: int
    complete: tuple[tuple[NodeName, Hash], ...]
    gram: tuple[tuple[float, ...], ...] = ()
    """Row by row in the order of `complete`; empty where the run's weights don't ask for it."""
    refused: tuple[tuple[NodeName, Hash, Reason], ...] = ()
    """Contributions whose bytes are here and can't be merged, and why."""


class Merged(FromMember, frozen=True, tag="merged"):
    """An owner's result; durable on its owner."""

    signed: SignedResult


class Held(FromMember, frozen=True, tag="held"):
    """Results that lie durably on this node."""

    round: int
    attempt: int
    held: tuple[tuple[NodeName, Hash], ...]
    """Owner and root of each."""


class Goodbye(FromMember, frozen=True, tag="goodbye"):
    """The node leaves on purpose; nobody needs to wait for it."""


class Joined(Message, frozen=True, tag="joined"):
    """The sentinel knows this process now, under this incarnation."""

    run: RunId
    boot_nonce: str
    incarnation: int


class Refused(Message, frozen=True, tag="refused"):
    """The process can't take part; every difference is a sentence."""

    run: RunId
    boot_nonce: str
    reasons: tuple[str, ...]


class JoinAgain(Message, frozen=True, tag="join-again"):
    """The sentinel does not know this incarnation: it restarted, or a newer process has taken over."""

    run: RunId
    incarnation: int


class Renewed(Message, frozen=True, tag="renewed"):
    """The lease runs on; the ledger is this long."""

    run: RunId
    incarnation: int
    version: int


class LedgerPart(Message, frozen=True, tag="ledger-part"):
    """Consecutive entries of the ledger: the only way in which a decision becomes known."""

    run: RunId
    entries: tuple[LedgerEntry, ...]


class Announced(Message, frozen=True, tag="contributions"):
    """For owners: contributions that the sentinel has on record and that may be fetched now."""

    run: RunId
    round: int
    attempt: int
    manifests: tuple[SignedManifest, ...]


class TurnedDown(Message, frozen=True, tag="turned-down"):
    """For a contributor: an owner can't merge its contribution, so the round goes on without it."""

    run: RunId
    round: int
    root: Hash
    owner: NodeName
    reason: Reason


class Published(Message, frozen=True, tag="results"):
    """For all: results that owners have made, to be fetched and held."""

    run: RunId
    round: int
    attempt: int
    results: tuple[SignedResult, ...]


class Want(Message, frozen=True, tag="want"):
    """From node to node: please offer these contents over the bulk link."""

    run: RunId
    digests: Hashes


class Lacking(Message, frozen=True, tag="lacking"):
    """The answer to Want where there is nothing to offer: ask somebody else."""

    run: RunId
    digests: Hashes


class Batch(Message, frozen=True, tag="batch"):
    """Small contents that were asked for, one after the other in the payload: one message instead of two for each."""

    run: RunId
    digests: Annotated[tuple[Hash, ...], msgspec.Meta(min_length=1, max_length=BATCH_CONTENTS_MAX)]
    sizes: Annotated[tuple[BatchSize, ...], msgspec.Meta(min_length=1, max_length=BATCH_CONTENTS_MAX)]
    """How many bytes of the payload each takes."""


FromNode = Join | Lease | Contribution | Have | Merged | Held | Goodbye
FromSentinel = Joined | Refused | JoinAgain | Renewed | LedgerPart | Announced | TurnedDown | Published
BetweenNodes = Want | Lacking | Batch
RoundMessage = FromNode | FromSentinel | BetweenNodes
ROUND_MESSAGES: tuple[type[Message], ...] = (
    Join,
    Lease,
    Contribution,
    Have,
    Merged,
    Held,
    Goodbye,
    Joined,
    Refused,
    JoinAgain,
    Renewed,
    LedgerPart,
    Announced,
    TurnedDown,
    Published,
    Want,
    Lacking,
    Batch,
)
"""All of them, for the wire's closed union."""
