"""Promise: what holds for symbols holds for bytes: merges are exact, repeatable and equal on every node."""

from dataclasses import replace

import numpy as np
import pytest

from shoal_swarm.merge import Pair
from tests.simulation.real_payloads import PIECES, Real, _value
from tests.simulation.seeds import plan_of, run_seed
from tests.simulation.world import World


def _run(seed: int) -> World:
    plan = plan_of(seed)
    return run_seed(seed, plan=replace(plan, shape=replace(plan.shape, pieces=len(PIECES))), payloads=Real())


@pytest.mark.parametrize("first", range(0, 10, 5))
def test_ten_swarms_of_real_bytes_keep_every_promise(first: int) -> None:
    for seed in range(first, first + 5):
        _run(seed)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(10, 200, 19))
def test_two_hundred_swarms_of_real_bytes_keep_every_promise(first: int) -> None:
    for seed in range(first, first + 19):
        _run(seed)


def test_a_committed_pair_is_the_weighted_mean_of_what_the_cut_names() -> None:
    world = _run(3)
    round_index = max(world.invariants.commits)
    commit = world.invariants.commits[round_index]
    cut = world.invariants.cuts[round_index, commit.attempt]
    blobs = {d: blob for host in world.nodes.values() for d, blob in host.disk.blobs.items()}
    result = _value(0, blobs[world.witness.pieces_of(commit)[0]])
    assert isinstance(result, Pair)
    mean = np.zeros_like(result.product())
    for one in cut.contributors:
        pieces = world.pieces_under[one.signed.manifest.root]
        value = _value(0, pieces[0])
        assert isinstance(value, Pair)
        mean += one.weight * value.product()
    singular = np.linalg.svd(mean, compute_uv=False)
    beyond_the_rank = float(np.sqrt(np.sum(singular[result.rank :] ** 2)))
    error = float(np.linalg.norm(result.product() - mean))
    assert error <= beyond_the_rank + 0.02 * float(np.linalg.norm(mean))
