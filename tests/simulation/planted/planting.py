"""Protocol bugs, planted on purpose: each breaks one guard, and the simulated world must notice.

A simulator that can't see a bug proves nothing by staying silent. Every bug here was made, or is easily
made, in systems of this kind. They patch the machines from outside; the product has no switch for them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from shoal_swarm.protocol.table import Row, Table


class Patch(Protocol):
    """pytest's monkeypatch, as far as it is needed here."""

    def setattr(self, target: Any, name: Any, value: Any = ...) -> None:  # noqa: ANN401 - as pytest has it
        """Replace an attribute until the end of the test."""


Plant = Callable[[Patch], None]


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, and how many seeds may pass before it is noticed."""

    plant: Plant
    seeds_max: int
    promises: str | tuple[str, ...]
    """The invariants that it breaks; the first of them that is seen."""
    nemesis: str | None = None
    """The targeted fault that is needed to see it within reason; not much else goes wrong then."""
    nodes: int | None = None
    """The size of swarm in which it shows."""
    copies: int = 2
    """How many of them must hold a result."""
    uneven: float | None = None
    """How many times slower the slowest of them is."""
    world: Literal["trouble", "patience", "core", "poison"] = "trouble"
    """Which kind of history shows it: all faults, only sentinels failing, only a core that is well, or bad work."""


def with_row(table: Table[Any, Any], step: Callable[..., Any], new: Callable[..., Any]) -> Table[Any, Any]:
    """A table in which one row does something else."""
    rows = [Row(row.source, row.target, row.when, new if row.step is step else row.step) for row in table.rows]
    assert any(row.step is step for row in table.rows), "the row to break is in the table"
    return Table(table.title, table.start, rows)


def break_row(
    patch: Patch, name: str, table: Table[Any, Any], step: Callable[..., Any], new: Callable[..., Any]
) -> None:
    """Put a table with a broken row where it is used."""
    patch.setattr(f"shoal_swarm.protocol.peer.run.{name}", with_row(table, step, new))
