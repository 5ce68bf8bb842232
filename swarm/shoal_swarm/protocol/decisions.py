"""What the register decides: the closed list of things a ledger entry can say.

    Created ─► Admitted*  ─► Opened ─► CutMade ─► Committed ─► Opened … ─► Ended
                               ▲ │        │
                               └─┴────────┘ the same round again, attempt + 1

A decision is the whole difference between one record and the next; `record.after` applies it.
"""

import msgspec

from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.names import Digest, NodeName, RunId, Value
from shoal_swarm.protocol.pieces import Share
from shoal_swarm.protocol.signed import SignedManifest, SignedResult

_TAG = "kind"


class Created(Value, frozen=True, tag=True, tag_field=_TAG):
    """A run begins."""

    run: RunId
    config_hash: Digest


class Admitted(Value, frozen=True, tag=True, tag_field=_TAG):
    """A node may take part; the first one's fit binds all others."""

    node: NodeName
    fit: Fit


class Participant(Value, frozen=True, array_like=True):
    """A node in a round: who, and where other nodes reach it."""

    node: NodeName
    incarnation: int
    address: str


class Opened(Value, frozen=True, tag=True, tag_field=_TAG):
    """A round takes contributions from those expected; owners take their shares."""

    round: int
    attempt: int
    participants: tuple[Participant, ...]
    expected: tuple[NodeName, ...]
    shares: tuple[Share, ...]
    ready_s: tuple[float, ...]


class Contributor(Value, frozen=True):
    """A contribution in the cut, with the weight that all owners use."""

    signed: SignedManifest
    weight: float


class CutMade(Value, frozen=True, tag=True, tag_field=_TAG):
    """The one contributor set of the round, for all pieces."""

    round: int
    attempt: int
    contributors: tuple[Contributor, ...]


class ShareCommitted(Value, frozen=True):
    """One share's result, and who held it durably when it was committed."""

    signed: SignedResult
    holders: tuple[NodeName, ...]


class Committed(Value, frozen=True, tag=True, tag_field=_TAG):
    """The round is done: these hashes are the complete shared state. Irrevocable."""

    round: int
    attempt: int
    results: tuple[ShareCommitted, ...]
    chain: Digest


class Ended(Value, frozen=True, tag=True, tag_field=_TAG):
    """The last round is committed; nothing follows."""

    round: int


Decision = Created | Admitted | Opened | CutMade | Committed | Ended

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER: msgspec.msgpack.Decoder[Decision] = msgspec.msgpack.Decoder(Decision)


def decision_bytes(decision: Decision) -> bytes:
    """The one spelling of a decision, which the ledger hashes."""
    return _ENCODER.encode(decision)


def decision_from(body: bytes) -> Decision:
    """The decision that a ledger entry spells; msgspec's errors are the caller's to translate."""
    return _DECODER.decode(body)
