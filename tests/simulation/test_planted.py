"""Promise: the simulated world can see. Every planted bug is noticed within its budget of seeds."""

from collections.abc import Callable

import pytest

from shoal_swarm.protocol.invariants import InvariantBroken
from tests.simulation.planted.catalogue import PLANTED, plan_for
from tests.simulation.seeds import run_core, run_patience, run_poison, run_seed

ELSEWHERE = {"patience": run_patience, "core": run_core, "poison": run_poison}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = PLANTED[name]
    bug.plant(monkeypatch)

    def run(seed: int) -> object:
        return ELSEWHERE[bug.world](seed) if bug.world in ELSEWHERE else run_seed(seed, plan=plan_for(bug, seed))

    for seed in range(bug.seeds_max):
        broken = _broken_promise(run, seed)
        if broken is not None:
            assert broken.startswith(bug.promises)
            return
    pytest.fail(f"{name!r} survived {bug.seeds_max} seeds: the simulator does not see what it breaks")


def _broken_promise(run: Callable[[int], object], seed: int) -> str | None:
    try:
        run(seed)
    except InvariantBroken as broken:
        return str(broken)
    return None


@pytest.mark.parametrize("name", ["believe the dead", "inclusion by name", "starve the slow"])
def test_the_honest_protocol_survives_what_a_planted_bug_does_not(name: str) -> None:
    for seed in range(25):
        run_seed(seed, plan=plan_for(PLANTED[name], seed))
