"""A node's copy of the ledger, read offline, beside a running peer, or from a backup of its folder.

Only what is whole counts, up to the first gap, as a start of the node would have it. Nothing here is believed: whoever
reads a copy checks its hashes and signatures.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import NodeName, RunId
from shoal_swarm.service.entries import read_entries

KEPT: Final = "kept"
"""A peer's storage, inside the folder of its state."""
MARKER: Final = "storage"
LEDGER: Final = "ledger"


class Marker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose storage a folder is."""

    version: int
    run: RunId
    node: NodeName


@dataclass(frozen=True, slots=True)
class Copy:
    """What one node has of a run's ledger."""

    run: RunId
    node: NodeName
    entries: tuple[LedgerEntry, ...]


def read_copy(folder: Path) -> Copy:
    """The copy in a node's folder, or in the storage inside it."""
    place = folder / KEPT if (folder / KEPT).is_dir() else folder
    try:
        marker = msgspec.json.decode((place / MARKER).read_bytes(), type=Marker)
        data = (place / LEDGER).read_bytes()
    except FileNotFoundError as missing:
        raise InputRefused(
            f"{folder} is no node's folder: {missing.filename} is not there. Name SHOAL_HOME/state/SWARM/RUN/NODE."
        ) from missing
    except (OSError, msgspec.MsgspecError) as problem:
        raise PlaceRefused(f"{place} can't be read: {problem}. Name a copy that is whole.") from problem
    return Copy(marker.run, marker.node, _entries_in(data, place))


def _entries_in(data: bytes, place: Path) -> tuple[LedgerEntry, ...]:
    found: list[LedgerEntry] = []
    for entry in read_entries(data).entries:
        if entry.number != len(found):
            break
        try:
            found.append(msgspec.msgpack.decode(entry.content, type=LedgerEntry))
        except msgspec.MsgspecError as problem:
            raise PlaceRefused(
                f"Entry {entry.number} in {place} is whole and not understood: {problem}. Another version of Shoal "
                "wrote it; run that one."
            ) from problem
    return tuple(found)
