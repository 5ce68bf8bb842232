"""The ledger: every decision about a run, each entry sealed to the one before it.

    entry.hash = H(index ‖ previous hash ‖ body)        and the sentinel signs the hash

So a reader who trusts the newest hash trusts all of history, two ledgers that differ anywhere differ in
every hash after that, and a node proves what was decided without asking anybody and without SQL.
"""

from collections.abc import Iterable, Sequence

import msgspec

from shoal_base.errors import PeerRefused
from shoal_swarm.protocol.decisions import Decision, decision_bytes, decision_from
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import NO_DIGEST, SENTINEL, Digest, Value
from shoal_swarm.protocol.signed import Sign, Verify


class LedgerEntry(Value, frozen=True):
    """One decision in its place."""

    index: int
    previous: Digest
    body: bytes
    hash: Digest
    signature: bytes

    def decision(self) -> Decision:
        """What this entry says."""
        try:
            return decision_from(self.body)
        except msgspec.MsgspecError as problem:
            raise PeerRefused(
                f"Ledger entry {self.index} cannot be read: {problem}. It comes from a different version of shoal or "
                "was damaged; compare it with another node's ledger."
            ) from problem


def entry_hash(index: int, previous: Digest, body: bytes) -> Digest:
    """The seal of an entry; the index has a fixed width, so no two entries spell the same bytes."""
    return digest_of(index.to_bytes(8, "big") + bytes([len(previous)]) + previous + body)


def sealed(decision: Decision, index: int, previous: Digest, sign: Sign) -> LedgerEntry:
    """The next entry of a ledger."""
    body = decision_bytes(decision)
    seal = entry_hash(index, previous, body)
    return LedgerEntry(index=index, previous=previous, body=body, hash=seal, signature=sign(seal))


def flaw(entry: LedgerEntry, index: int, previous: Digest, verify: Verify) -> str | None:
    """Why this entry can't stand at this place, or None if it can."""
    if entry.index != index:
        return f"entry {entry.index} stands where entry {index} belongs"
    if entry.previous != previous:
        return f"entry {index} continues {entry.previous.hex()[:12]}, but the entry before it is {previous.hex()[:12]}"
    if entry.hash != entry_hash(index, previous, entry.body):
        return f"entry {index} was changed after it was sealed"
    if not verify(SENTINEL, entry.hash, entry.signature):
        return f"entry {index} does not carry the sentinel's signature"
    return None


def head_of(entries: Sequence[LedgerEntry]) -> Digest:
    """The hash that the next entry continues."""
    return entries[-1].hash if entries else NO_DIGEST


def verify_ledger(entries: Iterable[LedgerEntry], verify: Verify) -> Digest:
    """The head of a whole ledger; the first entry that can't stand is refused by its flaw."""
    previous = NO_DIGEST
    for index, entry in enumerate(entries):
        problem = flaw(entry, index, previous, verify)
        if problem is not None:
            raise PeerRefused(f"The ledger is broken: {problem}. Fetch it again from the sentinel or another node.")
        previous = entry.hash
    return previous
