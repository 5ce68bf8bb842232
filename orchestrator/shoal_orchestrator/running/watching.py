"""How far the nodes of a run are, seen through their windows, and what is worth saying about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shoal_base.errors import ShoalError
from shoal_swarm.service.window import SOCKET_NAME, look_through

PATIENCE_ROUNDS: Final = 2


@dataclass(frozen=True, slots=True)
class Sight:
    """One node, as it is now."""

    applied: int = -1
    step: int = 0
    """Steps since the COMMIT of round `base`."""
    base: int = -1
    loss: float | None = None
    merged: Mapping[int, float] = field(default_factory=dict)
    """How good the node found the merged adapter of each round."""


def look(state: Path, metric: str) -> Sight | None:
    """What a node shows now; None while it shows nothing."""
    try:
        facts = look_through(state / SOCKET_NAME)
    except (ShoalError, OSError):
        return None
    work = facts.get("contributor") or {}
    progress = work.get("progress") or {}
    return Sight(
        applied=facts["applied"],
        step=progress.get("step", 0),
        base=progress.get("base", -1),
        loss=progress.get("loss"),
        merged={
            one["round"]: one["metrics"][metric]
            for one in work.get("measured", ())
            if one["is_merged"] and metric in one["metrics"]
        },
    )


def steps_done(sight: Sight, sync_every: int, total: int) -> int:
    """Of the whole run."""
    begun = max(0, sight.base)
    return min(total, begun * sync_every + sight.step)


class Teller:
    """Says each round once: as soon as every node has measured its merged adapter, or is past it.

    A node that was away has no measure of what it missed. Nobody waits for one that is two rounds behind.
    """

    def __init__(self, nodes: Sequence[str], rounds: int, metric: str) -> None:
        self._seen: dict[str, dict[int, float]] = {node: {} for node in nodes}
        self._rounds, self._metric, self._said = rounds, metric, 0

    def lines(self, sights: Mapping[str, Sight]) -> list[str]:
        """What is new."""
        for node, sight in sights.items():
            self._seen[node].update(sight.merged)
        said = []
        newest = [max(seen, default=0) for seen in self._seen.values()]
        due = max(min(newest), max(newest) - PATIENCE_ROUNDS)
        for number in range(self._said + 1, min(due, self._rounds) + 1):
            values = "  ".join(f"{node} {_told(seen.get(number))}" for node, seen in self._seen.items())
            said.append(f"round {number:>2} of {self._rounds}: {self._metric} {values}")
            self._said = number
        return said


def _told(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
