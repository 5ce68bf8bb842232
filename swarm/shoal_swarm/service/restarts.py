"""Whether a process that ended is started again: a function of how it ended, and when.

A process that was killed, ran out of memory or met a defect is started again after a growing pause, a few times within
a stretch of time. One that ended with a sentence that no new start would change is not.
"""

import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from shoal_base.exits import ExitCode

HOPELESS: Final = frozenset(
    {ExitCode.USAGE, ExitCode.INPUT, ExitCode.IDENTITY, ExitCode.PEER, ExitCode.MISSING_PART, ExitCode.PROBLEMS}
)
"""Whoever ended with one of these ends with it again."""
LINES_TOLD: Final = 8


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended."""

    name: str
    code: int
    """Negative where a signal killed it, as the operating system's number of it."""
    last_lines: Sequence[str]

    @property
    def sentence(self) -> str:
        """For whoever started it, with the last that it said."""
        how = f"ended with exit code {self.code}" if self.code >= 0 else f"was killed by {_signal(-self.code)}"
        said = "".join(f"\n    {line}" for line in self.last_lines[-LINES_TOLD:])
        return f"{self.name} {how}" + (f" and said last:{said}" if said else " and said nothing.")


@dataclass(frozen=True, slots=True)
class Finished:
    """It did what it was started for."""


@dataclass(frozen=True, slots=True)
class Again:
    """Start it again after a pause."""

    pause_s: float


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It is not started again, and why."""

    reason: str


Verdict: TypeAlias = Finished | Again | GivenUp


@dataclass(slots=True)
class Restarts:
    """Counts one process's ends."""

    times: int = 5
    """So many new starts within `within_s`, and no more."""
    within_s: float = 300.0
    pause_first_s: float = 0.2
    pause_max_s: float = 10.0
    _ends: deque[float] = field(default_factory=deque)

    def after(self, end: End, now: float) -> Verdict:
        """What follows an end."""
        if end.code == ExitCode.DONE:
            return Finished()
        if end.code in HOPELESS:
            return GivenUp("a new start would end the same way")
        while self._ends and self._ends[0] < now - self.within_s:
            self._ends.popleft()
        self._ends.append(now)
        if len(self._ends) > self.times:
            return GivenUp(f"it was started again {self.times} times within {self.within_s:g} s")
        return Again(min(self.pause_max_s, self.pause_first_s * 2 ** (len(self._ends) - 1)))


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
