"""Promise: whatever goes wrong, no invariant breaks, and a healed swarm recovers by itself within a bound."""

import time

import pytest

from shoal_swarm.protocol.invariants import InvariantBroken
from tests.simulation.seeds import run_core, run_patience, run_poison, run_seed

CORES_MIN = 0.95
"""So many cores at least have to go on; the others have lost all copies of the newest COMMIT with the broken nodes."""
ONCE_FAILED = {
    80: "an excuse for rotten disks that did not cover a contribution frozen over the rot",
    32: "work struck from the books while the trainer still had it was counted twice when owners committed it",
    186: "a contribution whose bytes had rotted was announced again after a restart",
    404: "an owner merged against a base whose pieces its disk had lost",
    426: "a node three times slower than the other was overtaken by every round and never got into one",
    520: "a sentinel took the answer to one write for another's after reading the ledger in between, and published it",
    1210: "late work was to be folded in although the disk had lost the COMMIT that it came from",
    1491: "the same, where that COMMIT was lost before the work was late",
    709: "a node whose frozen contribution had rotted waited for a round that waited for it",
}
"""Seeds that found a bug once, and what it was."""

ONCE_STUCK = {
    349: "the one merging owner fetched everything and served nothing, and was chosen again every second attempt",
    390: "blame for owners went in a circle between nodes that could not reach each other",
    460: "the same circle, with a node that only hears",
    499: "the same circle, with a node that is dead to others and alive to the sentinel",
}
"""Seeds in which a core that could have gone on did not, and why."""


def _run(seeds: range) -> None:
    started = time.perf_counter()
    rounds = 0
    for seed in seeds:
        try:
            rounds += len(run_seed(seed).invariants.commits)
        except InvariantBroken as broken:
            pytest.fail(f"{broken} Replay: python -m tests.simulation --seed {seed} --story")
    seconds = time.perf_counter() - started
    print(f"{len(seeds)} seeds, {rounds} rounds, {len(seeds) / seconds:.1f} seeds/s")  # noqa: T201 - a figure for -s


def _run_cores(seeds: range) -> None:
    went_on = 0
    for seed in seeds:
        try:
            went_on += run_core(seed)
        except InvariantBroken as broken:
            pytest.fail(f"{broken} Replay: python -m tests.simulation --world core --seed {seed} --story")
    assert went_on >= CORES_MIN * len(seeds)


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_three_hundred_swarms_keep_every_promise(first: int) -> None:
    _run(range(first, first + 50))


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(300, 2000, 100))
def test_two_thousand_swarms_keep_every_promise(first: int) -> None:
    _run(range(first, first + 100))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(2000, 20000, 500))
def test_twenty_thousand_swarms_keep_every_promise(first: int) -> None:
    _run(range(first, first + 500))


@pytest.mark.parametrize("seed", ONCE_FAILED, ids=[f"{seed}: {what}" for seed, what in ONCE_FAILED.items()])
def test_what_failed_once_does_not_fail_again(seed: int) -> None:
    _run(range(seed, seed + 1))


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_what_can_not_be_merged_is_in_no_cut_and_holds_nobody_up(first: int) -> None:
    for seed in range(first, first + 20):
        assert run_poison(seed).poison


@pytest.mark.parametrize("seed", range(20))
def test_a_sentinel_that_crashes_or_sleeps_leaves_nobody_out(seed: int) -> None:
    run_patience(seed)


@pytest.mark.parametrize("seed", ONCE_STUCK, ids=[f"{seed}: {why}" for seed, why in ONCE_STUCK.items()])
def test_a_core_that_was_stuck_once_goes_on(seed: int) -> None:
    _run_cores(range(seed, seed + 1))


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_a_healthy_core_goes_on_while_everybody_else_stays_broken(first: int) -> None:
    _run_cores(range(first, first + 20))


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(60, 500, 55))
def test_a_healthy_core_goes_on_in_five_hundred_swarms(first: int) -> None:
    _run_cores(range(first, first + 55))
