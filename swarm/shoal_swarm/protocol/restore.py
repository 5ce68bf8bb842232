"""Rebuilding a lost register from nodes' ledgers.

The ledger is enough: the record is the ledger folded up. The longest ledger wins, provided that every other
one is its beginning; two ledgers that differ are two histories, and no program may choose between them. A
decision that no surviving node has heard of is gone, and nobody has acted on it.
"""

from collections.abc import Mapping, Sequence

from shoal_base.errors import PeerRefused
from shoal_swarm.protocol.ledger import LedgerEntry, verify_ledger
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Record, folded
from shoal_swarm.protocol.signed import Verify


def restored(
    ledgers: Mapping[NodeName, Sequence[LedgerEntry]], verify: Verify
) -> tuple[Record, tuple[LedgerEntry, ...]]:
    """The record and ledger to put into an empty register."""
    if not any(ledgers.values()):
        raise PeerRefused("No ledger has an entry, so there is nothing to restore. Name nodes that took part.")
    for ledger in ledgers.values():
        verify_ledger(ledger, verify)
    longest = max(ledgers, key=lambda node: len(ledgers[node]))
    for node, ledger in ledgers.items():
        _must_agree(longest, ledgers[longest], node, ledger)
    entries = tuple(ledgers[longest])
    record = folded(entries)
    assert record is not None, "a ledger with entries folds to a record"
    return record, entries


def _must_agree(
    longest: NodeName, entries: Sequence[LedgerEntry], node: NodeName, ledger: Sequence[LedgerEntry]
) -> None:
    for entry, other in zip(entries, ledger, strict=False):
        if entry.hash != other.hash:
            raise PeerRefused(
                f"The ledgers of {longest} and {node} differ from entry {entry.index} on: history has forked. "
                "Find out which sentinel wrote the wrong one, and restore from the nodes that did not follow it."
            )
