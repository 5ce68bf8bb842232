"""A matrix factored by reflections is Q times R with orthonormal Q, whatever its shape and dependence."""

import numpy as np
import pytest

from shoal_swarm.merge.reflections import Reflections

SHAPES = [(1, 1), (5, 3), (3, 5), (40, 40), (200, 31), (200, 32), (200, 33), (70, 100), (33, 200), (500, 96)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["full", "dependent", "zero", "graded"])
def test_it_is_a_qr(shape: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal(shape)
    if kind == "dependent":
        matrix[:, 1:] = matrix[:, :1]
    if kind == "zero":
        matrix[:] = 0
    if kind == "graded":
        matrix *= 10.0 ** -np.arange(shape[1], dtype=float).clip(max=200)
    before = matrix.copy()
    factored = Reflections.of(matrix)
    q = factored.apply(np.eye(min(shape)))
    assert np.array_equal(matrix, before)
    assert np.allclose(q.T @ q, np.eye(min(shape)), atol=1e-13)
    errors = np.linalg.norm(q @ factored.triangle - matrix, axis=0)
    assert np.all(errors <= 1e-13 * np.linalg.norm(matrix, axis=0))
    assert np.array_equal(factored.triangle, np.triu(factored.triangle))
