"""Promise: the diagrams in ARCHITECTURE.md are drawn by the rows that run, and every state can be reached and left."""

from pathlib import Path

import pytest

from shoal_swarm.protocol.state_tables import STATE_TABLES, redrawn
from shoal_swarm.protocol.table import Row, Table, step

PAGE = Path(__file__).parents[4] / "ARCHITECTURE.md"
LAST_STATES = {"ENDED"}


def test_the_page_shows_the_tables_that_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert redrawn(page) == page, "the tables have changed: `python -m tests.transcripts` draws them anew"


@pytest.mark.parametrize("table", STATE_TABLES, ids=lambda table: table.title)
def test_every_state_can_be_reached_and_left(table: Table[object, object]) -> None:
    sources, targets = {row.source for row in table.rows}, {row.target for row in table.rows}
    assert sources | targets == targets | {table.start}
    assert targets - sources <= LAST_STATES


class Door:
    """A machine with two states."""

    state = "SHUT"
    is_locked = True


def open_up(door: Door, _now: float) -> list[str] | None:
    return None if door.is_locked else ["creak"]


DOOR = Table("A door", "SHUT", [Row("SHUT", "OPEN", "it is not locked", open_up)])


def test_a_row_is_taken_when_it_is_due_and_not_before() -> None:
    door = Door()
    assert step(door, DOOR, now=0.0) is None
    door.is_locked = False
    assert step(door, DOOR, now=0.0) == ["creak"]
    assert door.state == "OPEN"
    assert step(door, DOOR, now=0.0) is None


def test_a_table_draws_itself() -> None:
    assert "    [*] --> SHUT\n    SHUT --> OPEN: it is not locked" in DOOR.mermaid()
