"""All state tables of the protocol, drawn for ARCHITECTURE.md by the rows that run."""

from typing import Any, Final

from shoal_swarm.protocol.peer.contributor import CONTRIBUTOR
from shoal_swarm.protocol.peer.holder import HOLDER
from shoal_swarm.protocol.peer.owner import OWNER
from shoal_swarm.protocol.sentinel.rounds import ROUNDS
from shoal_swarm.protocol.table import Table

STATE_TABLES: Final[tuple[Table[Any, Any], ...]] = (ROUNDS, CONTRIBUTOR, OWNER, HOLDER)
"""The sentinel's machine, then the three parts of a peer."""

MARKER: Final = "<!-- generated: protocol states -->"
END_MARKER: Final = "<!-- end of generated: protocol states -->"


def drawn() -> str:
    """What stands between the markers of a page."""
    return "\n\n".join(table.mermaid() for table in STATE_TABLES)


def redrawn(page: str) -> str:
    """A page with its diagrams as they should be; the page must have the markers."""
    before, marker, rest = page.partition(MARKER)
    _, end, after = rest.partition(END_MARKER)
    assert marker, f"the page has {MARKER}"
    assert end, f"the page has {END_MARKER}"
    return f"{before}{marker}\n\n{drawn()}\n\n{end}{after}"
