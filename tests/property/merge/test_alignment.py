"""Aligning turns a merged pair towards the node's own basis and leaves the model as it is."""

import numpy as np
from hypothesis import given

from shoal_swarm.merge import Pair, aligned, exact_merge
from tests.property.merge.strategies import Case, cases, orthogonal, plain_cases, promise


def distance(pair: Pair, own: Pair) -> float:
    return float(
        np.linalg.norm(pair.b - own.b) ** 2 / np.linalg.norm(own.b) ** 2
        + np.linalg.norm(pair.a - own.a) ** 2 / np.linalg.norm(own.a) ** 2
    )


@promise
@given(cases(one_rank=True))
def test_the_product_stays(case: Case) -> None:
    merged, _ = exact_merge(case.pairs, case.coefficients, case.pairs[0].rank)
    turned = aligned(merged, case.pairs[0])
    assert np.allclose(turned.product(), merged.product(), atol=1e-9 * case.size)


@promise
@given(plain_cases)
def test_no_other_rotation_is_closer(case: Case) -> None:
    own = case.pairs[0]
    merged, _ = exact_merge(case.pairs, case.coefficients, own.rank)
    turned = aligned(merged, own)
    for _ in range(5):
        turn = orthogonal(case.rng, own.rank)
        assert distance(turned, own) <= distance(Pair(turned.b @ turn, turn.T @ turned.a), own) + 1e-9


@promise
@given(plain_cases)
def test_a_node_finds_its_own_basis_again(case: Case) -> None:
    """A canonical pair, turned and rebalanced by training, comes back from its canonical form as it was."""
    canonical, spectrum = exact_merge(case.pairs[:1], [1.0], case.pairs[0].rank)
    turn = orthogonal(case.rng, canonical.rank)
    own = Pair(3.0 * canonical.b @ turn, turn.T @ canonical.a / 3.0)
    back = aligned(canonical, own)
    if spectrum.directions == canonical.rank:
        assert np.allclose(back.b, own.b, atol=1e-6 * np.abs(own.b).max())
        assert np.allclose(back.a, own.a, atol=1e-6 * np.abs(own.a).max())
    assert np.allclose(back.product(), own.product(), atol=1e-9 * case.size)
