"""Exact merges stay small in memory, give the same bytes in every process, and nearly so on any number of threads."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from shoal_swarm.merge import MergeRefused, Pair, exact_merge, fold_pair

PROGRAM = """
import sys, numpy as np
from shoal_swarm.merge import Pair, exact_merge
rng = np.random.default_rng(3)
pairs = [Pair(rng.standard_normal((700, 16)), rng.standard_normal((16, 900))) for _ in range(8)]
pair, _ = exact_merge(pairs, [1 / 8] * 8, 16)
sys.stdout.buffer.write(pair.b.tobytes() + pair.a.tobytes())
"""


def _merged_elsewhere(threads: int) -> np.ndarray:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    out = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, env=environment).stdout
    return np.frombuffer(out)


def test_processes_agree_to_the_bit_and_thread_counts_nearly() -> None:
    one, again, two = _merged_elsewhere(1), _merged_elsewhere(1), _merged_elsewhere(2)
    assert one.tobytes() == again.tobytes()
    assert np.linalg.norm(two - one) <= 1e-6 * np.linalg.norm(one)


def test_nothing_as_large_as_the_weight_is_ever_written_out() -> None:
    rng = np.random.default_rng(0)
    size, rank = 4096, 4
    pairs = [Pair(rng.standard_normal((size, rank)), rng.standard_normal((rank, size))) for _ in range(4)]
    tracemalloc.start()
    exact_merge(pairs, [0.25] * 4, rank)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2 * size * rank * len(pairs) * 8
    assert peak < size * size * 8 / 10


def test_an_untrained_round_keeps_its_directions() -> None:
    """While every B is zero the merge is zero; the rows of A must stay, or the module would never train again."""
    a = np.random.default_rng(0).standard_normal((3, 9))
    merged, spectrum = exact_merge([Pair(np.zeros((5, 3)), a)] * 4, [0.25] * 4, 3)
    assert not merged.b.any()
    assert np.linalg.matrix_rank(merged.a) == 3
    assert np.linalg.norm(merged.a) == pytest.approx(np.linalg.norm(a))
    residue = merged.a - merged.a @ np.linalg.pinv(a) @ a
    assert np.linalg.norm(residue) < 1e-12 * np.linalg.norm(a)
    assert (spectrum.norm, spectrum.lost, spectrum.stable_rank, spectrum.directions) == (0.0, 0.0, 0.0, 0)


def test_nothing_at_all_stays_nothing() -> None:
    merged, _ = exact_merge([Pair(np.zeros((5, 3)), np.zeros((3, 4)))], [1.0], 3)
    assert not merged.b.any()
    assert not merged.a.any()


def test_the_spectrum_speaks_of_the_whole_sum() -> None:
    """Three directions of strength 3, 2 and 1; one is cut."""
    pair = Pair(np.diag([3.0, 2.0, 1.0]), np.eye(3))
    merged, spectrum = exact_merge([pair], [1.0], 2)
    assert np.allclose(merged.product(), np.diag([3.0, 2.0, 0.0]))
    assert spectrum.norm == pytest.approx(14**0.5)
    assert spectrum.lost == pytest.approx(1 / 14**0.5)
    assert spectrum.stable_rank == pytest.approx(14 / 9)
    assert spectrum.directions == 3


def test_the_mean_of_products_is_not_the_product_of_means() -> None:
    """Two nodes that went opposite ways on both sides agree on the change, and factor by factor cancel to nothing."""
    b, a = np.ones((2, 1)), np.ones((1, 2))
    merged, _ = exact_merge([Pair(b, a), Pair(-b, -a)], [0.5, 0.5], 1)
    assert np.allclose(merged.product(), np.ones((2, 2)))


def test_a_diverged_pair_is_refused_and_not_spread() -> None:
    fine, diverged = Pair(np.ones((4, 2)), np.ones((2, 3))), Pair(np.full((4, 2), np.nan), np.ones((2, 3)))
    with pytest.raises(MergeRefused, match="one of the pairs holds a NaN or an infinity"):
        fold_pair(fine, diverged, fine, 0.5)


def test_a_weak_direction_is_no_noise_even_beside_lopsided_pairs() -> None:
    """A large B with a small A and the other way round: each product is ordinary, and so is its rounding."""
    strengths = np.array([1.0, 1e-8, 0.0, 0.0])
    heavy = Pair(np.diag(strengths) * 1e5, np.eye(4) / 1e5)
    light = Pair(np.diag(strengths[[2, 0, 1, 3]]) / 1e5, np.eye(4) * 1e5)
    merged, spectrum = exact_merge([heavy, light], [1.0, 1.0], 3)
    assert spectrum.directions == 3
    assert np.allclose(np.diag(merged.product()), [1.0, 1.0 + 1e-8, 1e-8, 0.0], rtol=1e-7, atol=1e-15)


def test_rounding_errors_are_no_direction_to_learn_in() -> None:
    twice = np.array([1.06860804, -0.91740441, -0.4442827])
    pairs = [
        Pair(np.array([[0.05362026], [0.10266223]]), np.array([[-0.71981369, 0.90332182, 1.95364222]])),
        Pair(np.array([[1.06884935, -0.11818909], [-0.76428131, 1.38592857]]), np.stack([twice, twice])),
    ]
    merged, spectrum = exact_merge(pairs, [1.0, 1.0], rank=3)
    assert spectrum.directions == 2  # and the rows of A span no third one
    assert not merged.a[2].any()
