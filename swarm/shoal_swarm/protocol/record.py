"""The record: the one small value that orders a run's rounds, and how decisions change it.

The register stores it beside the ledger and changes both in one transaction, by compare-and-set on
`version`. The version is the length of the ledger: one decision, one entry, one version. So a record is
never more than its ledger folded up, every node can fold the same ledger to the same record, and whoever
holds a ledger can rebuild the register.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from shoal_base.errors import PeerRefused
from shoal_swarm.protocol.decisions import (
    Admitted,
    Committed,
    Created,
    CutMade,
    Decision,
    Ended,
    Opened,
    Participant,
    ShareCommitted,
)
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, NO_DIGEST, Digest, NodeName, RunId, Value
from shoal_swarm.protocol.pieces import Share

RECORD_BYTES_MAX: Final = 50 * 1024


class Phase(StrEnum):
    """Where a run stands."""

    GATHERING = "GATHERING"
    OPEN = "OPEN"
    CUT = "CUT"
    COMMITTED = "COMMITTED"
    ENDED = "ENDED"


class CutMember(Value, frozen=True, array_like=True):
    """A contribution that the cut names."""

    node: NodeName
    root: Digest
    weight: float


class Record(Value, frozen=True):
    """One run, as the register holds it."""

    run: RunId
    config_hash: Digest
    version: int
    """Length of the ledger."""
    head: Digest
    """Hash of the ledger's last entry."""
    fit: Fit | None = None
    admitted: tuple[NodeName, ...] = ()
    phase: Phase = Phase.GATHERING
    round: int = BEFORE_ROUND_ZERO
    """The round under way, or the last committed one."""
    attempt: int = 0
    participants: tuple[Participant, ...] = ()
    expected: tuple[NodeName, ...] = ()
    """Who is asked to contribute: all participants, or in round zero the designated one."""
    shares: tuple[Share, ...] = ()
    cut: tuple[CutMember, ...] = ()
    committed: int = BEFORE_ROUND_ZERO
    chain: Digest = NO_DIGEST
    """Hash chain over all commits; two nodes with the same chain have the same bytes."""
    ready_s: tuple[float, ...] = ()
    """How long nodes took from COMMIT to ready, most recent last; deadlines come from it."""

    def participant(self, node: NodeName) -> Participant | None:
        """A node's place in the round."""
        return next((one for one in self.participants if one.node == node), None)

    def share(self, node: NodeName) -> Share | None:
        """What this node merges in the round."""
        return next((share for share in self.shares if share.owner == node), None)

    def attempt_key(self) -> tuple[int, int]:
        """What tags every report about a round, so that reports about an abandoned attempt are ignored."""
        return (self.round, self.attempt)


def commit_chain(record: Record, results: Iterable[ShareCommitted]) -> Digest:
    """The chain after a commit: what went in and what came out, on top of everything before."""
    parts = [record.chain, record.round.to_bytes(8, "big")]
    for member in record.cut:
        parts += [digest_of(member.node.encode()), member.root, digest_of(repr(member.weight).encode())]
    parts += [share.signed.result.root for share in results]
    return digest_of(b"".join(parts))


def after(record: Record | None, entry: LedgerEntry) -> Record:
    """The record once this entry stands; a decision that may not follow is refused."""
    decision = entry.decision()
    if record is None:
        if not isinstance(decision, Created):
            raise PeerRefused(f"A ledger begins with Created, not {type(decision).__name__}. Fetch it from its start.")
        return Record(run=decision.run, config_hash=decision.config_hash, version=1, head=entry.hash)
    return msgspec.structs.replace(_decided(record, decision), version=entry.index + 1, head=entry.hash)


def _decided(record: Record, decision: Decision) -> Record:
    match decision:
        case Created():
            raise PeerRefused(f"Run {record.run} is created twice in its ledger. Fetch the ledger again.")
        case Admitted():
            _must(record, decision, record.fit in (None, decision.fit))
            admitted = tuple(sorted({*record.admitted, decision.node}))
            return msgspec.structs.replace(record, admitted=admitted, fit=record.fit or decision.fit)
        case Opened():
            _must(record, decision, _may_open(record, decision) and bool(decision.shares))
            return msgspec.structs.replace(
                record,
                phase=Phase.OPEN,
                round=decision.round,
                attempt=decision.attempt,
                participants=decision.participants,
                expected=decision.expected,
                shares=decision.shares,
                cut=(),
                ready_s=decision.ready_s,
            )
        case CutMade():
            _must(record, decision, record.phase is Phase.OPEN and _is_this_attempt(record, decision))
            members = tuple(
                CutMember(node=one.signed.manifest.node, root=one.signed.manifest.root, weight=one.weight)
                for one in decision.contributors
            )
            return msgspec.structs.replace(record, phase=Phase.CUT, cut=members)
        case Committed():
            _must(record, decision, record.phase is Phase.CUT and _is_this_attempt(record, decision))
            _must(record, decision, decision.chain == commit_chain(record, decision.results))
            return msgspec.structs.replace(
                record, phase=Phase.COMMITTED, committed=decision.round, chain=decision.chain
            )
        case Ended():
            _must(record, decision, record.phase is Phase.COMMITTED and decision.round == record.round)
            return msgspec.structs.replace(record, phase=Phase.ENDED)
        case _:
            assert_never(decision)


def _may_open(record: Record, opened: Opened) -> bool:
    if record.phase in {Phase.GATHERING, Phase.COMMITTED}:
        return opened.round == record.committed + 1 and opened.attempt == 0
    return record.phase in {Phase.OPEN, Phase.CUT} and (opened.round, opened.attempt) == (
        record.round,
        record.attempt + 1,
    )


def _is_this_attempt(record: Record, decision: CutMade | Committed) -> bool:
    return (decision.round, decision.attempt) == record.attempt_key()


def _must(record: Record, decision: Decision, allowed: bool) -> None:
    if not allowed:
        raise PeerRefused(
            f"{type(decision).__name__} may not follow in the ledger of {record.run}: the run is {record.phase} in "
            f"round {record.round}, attempt {record.attempt}. Compare the ledger with another node's."
        )


def folded(entries: Iterable[LedgerEntry], record: Record | None = None) -> Record | None:
    """The record that a stretch of ledger leads to."""
    for entry in entries:
        record = after(record, entry)
    return record


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(Record)


def record_bytes(record: Record) -> bytes:
    """How the register stores it; never more than 50 KB, so that a write stays one small page."""
    return _ENCODER.encode(record)


def record_from(stored: bytes) -> Record:
    """What `record_bytes` wrote."""
    try:
        return _DECODER.decode(stored)
    except msgspec.MsgspecError as problem:
        raise PeerRefused(
            f"The stored record cannot be read: {problem}. Rebuild it from the ledger; it says the same."
        ) from problem
