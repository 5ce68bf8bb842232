"""State tables: every transition of a machine in one list that runs, and that draws itself.

A row says: in this state, when that is so, do this and go there. `step` returns what follows, or None
while its condition does not hold. Rows are asked in order; the first that answers is taken. Because the
same rows drive the machine and draw the diagram, the diagram cannot be wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Machine = TypeVar("Machine")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Row(Generic[Machine, Outcome]):
    """One transition."""

    source: str
    target: str
    when: str
    """The condition, as a sentence for readers."""
    step: Callable[[Machine, float], Outcome | None]


class Table(Generic[Machine, Outcome]):
    """All transitions of one machine."""

    def __init__(self, title: str, start: str, rows: Sequence[Row[Machine, Outcome]]) -> None:
        self.title, self.start, self.rows = title, start, tuple(rows)
        self._by_source: dict[str, list[Row[Machine, Outcome]]] = {}
        for row in rows:
            self._by_source.setdefault(row.source, []).append(row)

    def due(self, machine: Machine, state: str, now: float) -> tuple[Row[Machine, Outcome], Outcome] | None:
        """The row that is due in this state, with what follows from it."""
        for row in self._by_source.get(state, ()):
            outcome = row.step(machine, now)
            if outcome is not None:
                return row, outcome
        return None

    def mermaid(self) -> str:
        """The table as a diagram."""
        lines = ["```mermaid", "---", f"title: {self.title}", "---", "stateDiagram-v2", f"    [*] --> {self.start}"]
        lines += [f"    {row.source} --> {row.target}: {row.when}" for row in self.rows]
        return "\n".join([*lines, "```"])


class HasState(Protocol):
    """A machine that moves as soon as a row is due, without asking a register first."""

    state: str


Stateful = TypeVar("Stateful", bound=HasState)


def step(machine: Stateful, table: Table[Stateful, Outcome], now: float) -> Outcome | None:
    """Take the transition that is due, if one is; returns what follows from it."""
    due = table.due(machine, machine.state, now)
    if due is None:
        return None
    row, outcome = due
    machine.state = row.target
    return outcome
