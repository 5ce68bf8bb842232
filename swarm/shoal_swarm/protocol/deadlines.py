"""How long anything is waited for. Durations only, measured by the waiter's own monotonic clock."""

from collections.abc import Sequence
from statistics import median
from typing import Final, Self

from shoal_swarm.protocol.names import Value

READY_SAMPLES: Final = 16
"""Offsets from COMMIT to `ready` that the record remembers."""
ATTEMPTS_STRETCHED: Final = 3
"""A network that is slower than its deadline gets more time with each attempt, up to so many times more."""


class Timing(Value, frozen=True):
    """One swarm's pace. Presets derive from one another."""

    tick_s: float = 1.0
    """How often a machine is woken when nothing happens, and everything unanswered is said again."""
    lease_s: float = 3.0
    """Silence after which a node is suspected; after twice that it is judged gone."""
    lag_s: float = 1.0
    """A tick that comes so much late means that the judge slept: leases are extended before anybody is judged."""
    fetch_stall_s: float = 2.0
    """Silence of a transfer after which another holder is asked."""
    collect_floor_s: float = 2.0
    """The least slack that stragglers get beyond the median."""
    transfer_floor_s: float = 6.0
    """The least time that contributions get to reach their owners."""
    hold_s: float = 6.0
    """Time that results get to become durable on enough nodes."""
    bytes_per_s: float = 1.25e7
    """The line speed that a transfer's deadline assumes."""

    @classmethod
    def lan(cls) -> Self:
        """One building."""
        return cls()

    @classmethod
    def wan(cls) -> Self:
        """Several sites."""
        return cls(
            lease_s=10.0, fetch_stall_s=5.0, collect_floor_s=10.0, transfer_floor_s=20.0, hold_s=20.0, bytes_per_s=2.5e6
        )

    @property
    def gone_s(self) -> float:
        """Silence after which a node is no longer awaited; also what a starting sentinel waits before it judges."""
        return 2 * self.lease_s


def collect_deadline_s(ready_s: Sequence[float], timing: Timing) -> float | None:
    """How long after COMMIT stragglers are awaited: median + 4·MAD of what was seen; none while nothing was.

    Where nodes are evenly fast the MAD is next to nothing, so the slack is never less than the floor: nobody
    is left out for a hiccup. A single very slow round can't stretch the deadline beyond three medians.
    """
    if not ready_s:
        return None
    middle = median(ready_s)
    spread = median(abs(sample - middle) for sample in ready_s)
    return max(timing.collect_floor_s, min(middle + max(4 * spread, timing.collect_floor_s), 3 * middle))


def transfer_deadline_s(total_bytes: int, nodes: int, attempt: int, timing: Timing) -> float:
    """How long contributions may take to reach their owners: twice the bound of the line, and a floor."""
    bound = 2 * total_bytes * max(nodes - 1, 1) / max(nodes, 1) / timing.bytes_per_s
    return (2 * bound + timing.transfer_floor_s) * stretch(attempt)


def hold_deadline_s(total_bytes: int, attempt: int, timing: Timing) -> float:
    """How long results may take to become durable on enough nodes."""
    return (2 * total_bytes / timing.bytes_per_s + timing.hold_s) * stretch(attempt)


def stretch(attempt: int) -> int:
    """Later attempts wait longer, so that a slow swarm commits in the end."""
    return 1 + min(attempt, ATTEMPTS_STRETCHED)
