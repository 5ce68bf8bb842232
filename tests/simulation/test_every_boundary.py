"""Promise: a crash right before or right after any effect of any machine loses nothing and stops nobody."""

import pytest

from tests.simulation.nemesis import crash_once
from tests.simulation.seeds import Recovery
from tests.simulation.world import Host, Shape, World

SHAPE = Shape(nodes=3, long_lists=True, needs_gram=True, uneven=2.0)
SETTLED_S = 12.0
RARE_S = 120.0
"""By then everybody has come to every boundary as often as it is tried."""


def _labels() -> tuple[list[str], list[str]]:
    world = World(3, SHAPE)
    early: set[str] = set()
    seen: set[str] = set()

    def note(_host: Host, effect: object) -> bool:
        labels = seen if world.now > SETTLED_S else early
        labels.add(effect.label)  # type: ignore[attr-defined] - every effect has a label
        return False

    world.watchers.append(note)
    world.boot_all()
    world.run_until(40.0)
    return sorted(seen), sorted(early - seen)


LABELS, START_LABELS = _labels()


def test_a_quiet_run_passes_every_boundary_that_matters() -> None:
    assert len(LABELS) >= 20, LABELS
    joining = {"peer sends Join", "sentinel issues incarnation", "sentinel writes Admitted", "sentinel sends Joined"}
    assert joining <= set(START_LABELS)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("label", LABELS)
def test_a_crash_at_this_boundary_loses_nothing(label: str, after: bool) -> None:
    for occurrence in (1, 2, 5):
        _crash_and_recover(label, occurrence, after, SETTLED_S)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("label", START_LABELS)
def test_a_crash_at_this_boundary_while_the_swarm_gathers_stops_nobody(label: str, after: bool) -> None:
    _crash_and_recover(label, 1, after, 0.0)


def _crash_and_recover(label: str, occurrence: int, after: bool, since_s: float) -> None:
    world = World(3, SHAPE, story=True)
    world.later(since_s, crash_once, world, label, occurrence, after)
    world.boot_all()
    struck = f"crashes: right {'after' if after else 'before'}: {label}"
    world.run_until(30.0)
    world.run_until(RARE_S, lambda: _tells(world, struck))
    assert _tells(world, struck), "nobody came to this boundary: nothing was tried"
    recovery = Recovery(world)
    is_well = world.run_until(world.now + 60.0, recovery.is_complete)
    assert is_well, recovery.missing()
    world.witness.check_newest()


def _tells(world: World, what: str) -> bool:
    return any(what in line for line in world.story or [])
