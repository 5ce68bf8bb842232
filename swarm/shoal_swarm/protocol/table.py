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
Stateful = TypeVar("Stateful", bound="HasState")
Effect = TypeVar("Effect")


@dataclass(frozen=True, slots=True)
class Row(Generic[Machine, Outcome]):
    """One transition."""

    source: str
    target: str
    when: str
    """The condition, as a sentence for readers."""
    step: Callable[[Machine, float], Outcome | None]


def first_that_holds(
    machine: Machine, table: Sequence[Row[Machine, Outcome]], state: str, now: float
) -> tuple[Row[Machine, Outcome], Outcome] | None:
    """The row that is due in this state, with what follows from it."""
    for row in table:
        if row.source == state:
            outcome = row.step(machine, now)
            if outcome is not None:
                return row, outcome
    return None


class HasState(Protocol):
    """A machine that moves as soon as a row is due, without asking a register first."""

    state: str


def step(machine: Stateful, table: Sequence[Row[Stateful, list[Effect]]], now: float) -> list[Effect] | None:
    """Take the transition that is due, if one is; returns its effects."""
    due = first_that_holds(machine, table, machine.state, now)
    if due is None:
        return None
    row, effects = due
    machine.state = row.target
    return effects


def mermaid(title: str, table: Sequence[Row[Machine, Outcome]], start: str) -> str:
    """The table as a Mermaid diagram."""
    lines = ["```mermaid", "---", f"title: {title}", "---", "stateDiagram-v2", f"    [*] --> {start}"]
    lines += [f"    {row.source} --> {row.target}: {row.when}" for row in table]
    return "\n".join([*lines, "```"])
