"""Promise: a crash right before or right after any effect of any machine loses nothing and stops nobody."""

import pytest

from tests.simulation.nemesis import crash_once
from tests.simulation.seeds import Recovery
from tests.simulation.world import Host, Shape, World

SHAPE = Shape(nodes=3, long_lists=True, needs_gram=True, uneven=2.0)
SETTLED_S = 12.0


def _labels() -> list[str]:
    world = World(3, SHAPE)
    seen: set[str] = set()

    def note(_host: Host, effect: object) -> bool:
        if world.now > SETTLED_S:
            seen.add(effect.label)  # type: ignore[attr-defined] - every effect has a label
        return False

    world.watchers.append(note)
    world.boot_all()
    world.run_until(40.0)
    return sorted(seen)


LABELS = _labels()


def test_a_quiet_run_passes_every_boundary_that_matters() -> None:
    assert len(LABELS) >= 20, LABELS


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("label", LABELS)
def test_a_crash_at_this_boundary_loses_nothing(label: str, after: bool) -> None:
    for occurrence in (1, 2, 5):
        world = World(3, SHAPE)
        world.later(SETTLED_S, crash_once, world, label, occurrence, after)
        world.boot_all()
        world.run_until(30.0)
        recovery = Recovery(world)
        is_well = world.run_until(world.now + 60.0, recovery.is_complete)
        assert is_well, recovery.missing()
        world.check_newest()
