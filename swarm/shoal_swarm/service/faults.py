"""Faults on purpose: how a test crashes, stops or delays this very process at the boundary of an effect.

The core names every effect with a label. A shell that carries effects out passes a boundary right before and
right after each of them, and whoever tests it may plan a fault for any of these points:

    SHOAL_FAULTS_ALLOWED=yes  SHOAL_FAULT="ACTION MOMENT LABEL"

    ACTION   crash (as kill -9 would), stop (as a paused machine would, until SIGCONT), delay:SECONDS
    MOMENT   before, or after; with #N at the N-th arrival at that point instead of the first: after#3
    LABEL    as the core spells it, such as `peer keeps contribution`

Several faults are parted by semicolons. SHOAL_FAULT=@FILE reads them from a file, again at every boundary, so that
they can be planned for a process that has been running for a while; arrivals are counted from then on. "After"
what is handed to somebody else, such as a message to a link, is a moment later, so that it has left. Where faults
are not allowed, planning one ends the process at once: a variable that was left over must never bring a swarm down.
"""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, Self

from shoal_base.errors import InputRefused
from shoal_base.logs import get_log
from shoal_base.settings import Settings

LEAVING_S: Final = 0.05
"""How long what was handed over gets to leave the process."""
DELAY_MAX_S: Final = 600.0
_PLAN: Final = re.compile(r"(crash|stop|delay:(\d+(?:\.\d+)?)) (before|after)(?:#([1-9]\d{0,5}))? (\S.*)", re.ASCII)


class Labelled(Protocol):
    """An effect of the core."""

    @property
    def label(self) -> str:
        """Where a fault can be tried."""


class Moment(StrEnum):
    """On which side of an effect."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, and where."""

    action: str
    delay_s: float
    moment: Moment
    arrival: int
    label: str

    @classmethod
    def spelled(cls, text: str) -> Self:
        """The fault that somebody wrote."""
        found = _PLAN.fullmatch(text.strip())
        if found is None or float(found[2] or 0) > DELAY_MAX_S:
            raise InputRefused(
                f"SHOAL_FAULT={text.strip()!r} is no fault: write ACTION MOMENT LABEL, such as "
                f"'crash before peer keeps contribution'; a delay lasts at most {DELAY_MAX_S:g} s."
            )
        return cls(found[1].partition(":")[0], float(found[2] or 0), Moment(found[3]), int(found[4] or 1), found[5])


class Boundaries:
    """The points that a shell passes; where nobody plans anything they cost next to nothing."""

    def __init__(self, plan: str = "", *, watched: bool = False) -> None:
        self._plan_file = Path(plan[1:]) if plan.startswith("@") else None
        self._plan = "" if self._plan_file else plan
        self._faults = _spelled(self._plan)
        self._watched = watched
        self._arrivals: Counter[tuple[Moment, str]] = Counter()

    @classmethod
    def planned(cls, settings: Settings) -> Self:
        """What the environment of this process plans; refused unless faults are allowed."""
        if not settings.faults_allowed:
            if settings.fault:
                raise InputRefused(
                    f"SHOAL_FAULT={settings.fault!r} would harm this process, and faults are not allowed here. Unset "
                    "it, or set SHOAL_FAULTS_ALLOWED=yes where this is a test."
                )
            return cls()
        get_log().warning("faults_allowed", planned=settings.fault)
        return cls(settings.fault, watched=True)

    async def before(self, effect: Labelled) -> None:
        """The effect is about to be done."""
        if self._watched:
            await self._pass(Moment.BEFORE, effect.label)

    async def after(self, effect: Labelled) -> None:
        """The effect is done, as far as this process can tell."""
        if self._watched:
            await self._pass(Moment.AFTER, effect.label)

    def _look_again(self) -> None:
        if self._plan_file is None or not self._plan_file.exists():
            return
        plan = self._plan_file.read_text()
        if plan != self._plan:
            self._plan, self._faults = plan, _spelled(plan)
            self._arrivals.clear()

    async def _pass(self, moment: Moment, label: str) -> None:
        self._look_again()
        self._arrivals[moment, label] += 1
        arrival = self._arrivals[moment, label]
        get_log().debug("boundary_passed", moment=moment.value, label=label, arrival=arrival)
        for fault in self._faults:
            if (fault.moment, fault.label, fault.arrival) == (moment, label, arrival):
                if moment is Moment.AFTER:
                    await asyncio.sleep(LEAVING_S)
                await _strike(fault)


def _spelled(plan: str) -> Sequence[Fault]:
    return [Fault.spelled(text) for text in plan.split(";") if text.strip()]


async def _strike(fault: Fault) -> None:
    get_log().warning("fault_committed", action=fault.action, moment=fault.moment.value, label=fault.label)
    match fault.action:
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case _:
            await asyncio.sleep(fault.delay_s)
