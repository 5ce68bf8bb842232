"""The ledger as lines of JSON, for the folder of a result."""

import json
from collections.abc import Sequence

import msgspec

from shoal_swarm.protocol.ledger import LedgerEntry


def ledger_lines(entries: Sequence[LedgerEntry]) -> bytes:
    """One entry a line: its place, its seal, its signature and what it says."""
    return b"".join(json.dumps(_plain(entry), sort_keys=True).encode() + b"\n" for entry in entries)


def _plain(entry: LedgerEntry) -> dict[str, object]:
    decision = entry.decision()
    return {
        "index": entry.index,
        "previous": entry.previous.hex(),
        "hash": entry.hash.hex(),
        "body": entry.body.hex(),
        "signature": entry.signature.hex(),
        "decision": type(decision).__name__,
        "says": msgspec.to_builtins(decision),
    }
