"""An exact merge is the best pair of its rank for the sum of the products, in one canonical form."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shoal_swarm.merge import Pair, exact_merge
from shoal_swarm.merge.means import factor_mean
from tests.property.merge.strategies import Case, cases, invertible, orthogonal, plain_cases, promise

TIGHT = 1e-9
ranks = st.integers(1, 14)


def distance(pair: Pair, case: Case) -> float:
    return float(np.linalg.norm(pair.product() - case.total))


@promise
@given(cases(signed=True))
def test_with_room_for_all_directions_nothing_is_lost(case: Case) -> None:
    merged, spectrum = exact_merge(case.pairs, case.coefficients, case.rank_sum)
    assert distance(merged, case) <= TIGHT * case.size
    assert spectrum.lost <= TIGHT
    assert spectrum.norm == pytest.approx(np.linalg.norm(case.total), rel=TIGHT, abs=TIGHT * case.size)


@promise
@given(cases(signed=True), ranks)
def test_what_is_lost_is_the_least_possible_and_is_reported(case: Case, rank: int) -> None:
    merged, spectrum = exact_merge(case.pairs, case.coefficients, rank)
    strengths = np.linalg.svd(case.total, compute_uv=False)
    least = float(np.linalg.norm(strengths[rank:]))
    assert distance(merged, case) == pytest.approx(least, rel=TIGHT, abs=TIGHT * case.size)
    assert spectrum.lost * spectrum.norm == pytest.approx(least, rel=TIGHT, abs=TIGHT * case.size)


@promise
@given(plain_cases)
def test_no_mean_of_factors_comes_closer(case: Case) -> None:
    weights = [c / sum(case.coefficients) for c in case.coefficients]
    fair = Case(case.pairs, weights, case.rng)
    merged, _ = exact_merge(fair.pairs, weights, fair.pairs[0].rank)
    assert distance(merged, fair) <= distance(factor_mean(fair.pairs, weights), fair) + TIGHT * fair.size


@promise
@given(cases(signed=True), ranks)
def test_the_result_is_balanced_ordered_and_signed(case: Case, rank: int) -> None:
    merged, spectrum = exact_merge(case.pairs, case.coefficients, rank)
    kept = min(rank, spectrum.directions)
    left, right = merged.b.T @ merged.b, merged.a @ merged.a.T
    strengths = np.diag(left)
    assert np.allclose(left, np.diag(strengths), atol=TIGHT * case.size)
    assert np.allclose(left[:kept, :kept], right[:kept, :kept], atol=TIGHT * case.size)
    assert np.all(np.diff(strengths) <= TIGHT * case.size)
    peaks = merged.a[np.arange(rank), np.argmax(np.abs(merged.a), axis=1)]
    assert np.all(peaks >= 0)


@promise
@given(cases(), ranks)
def test_the_basis_of_a_contribution_does_not_matter(case: Case, rank: int) -> None:
    turned = []
    for pair in case.pairs:
        turn = invertible(case.rng, pair.rank)
        turned.append(Pair(pair.b @ turn, np.linalg.solve(turn, pair.a)))
    strengths = np.append(np.linalg.svd(case.total, compute_uv=False), 0.0)
    gap = strengths[rank - 1] - strengths[rank] if rank < len(strengths) else strengths[0]
    assume(rank >= len(strengths) or gap > 1e-3 * case.size)
    before, _ = exact_merge(case.pairs, case.coefficients, rank)
    after, _ = exact_merge(turned, case.coefficients, rank)
    assert np.allclose(before.product(), after.product(), atol=1e-7 * case.size)


@promise
@given(cases(), st.floats(-100, 100).filter(lambda x: abs(x) > 1e-3), ranks)
def test_scaling_every_contribution_scales_the_result(case: Case, factor: float, rank: int) -> None:
    _, before = exact_merge(case.pairs, case.coefficients, rank)
    scaled = [Pair(pair.b * factor, pair.a) for pair in case.pairs]
    merged, after = exact_merge(scaled, case.coefficients, rank)
    least = before.lost * before.norm * abs(factor)
    room = TIGHT * case.size * abs(factor)
    assert np.linalg.norm(merged.product() - factor * case.total) == pytest.approx(least, rel=TIGHT, abs=room)
    assert after.norm == pytest.approx(before.norm * abs(factor), rel=TIGHT, abs=room)


@promise
@given(cases(signed=True), ranks)
def test_turning_the_spaces_of_the_module_turns_the_result(case: Case, rank: int) -> None:
    rows, columns = orthogonal(case.rng, len(case.pairs[0].b)), orthogonal(case.rng, case.pairs[0].a.shape[1])
    turned = [Pair(rows @ pair.b, pair.a @ columns) for pair in case.pairs]
    before, lost = exact_merge(case.pairs, case.coefficients, rank)
    after, lost_after = exact_merge(turned, case.coefficients, rank)
    assert lost_after.lost * lost_after.norm == pytest.approx(lost.lost * lost.norm, rel=TIGHT, abs=TIGHT * case.size)
    back = rows.T @ after.product() @ columns.T
    assert np.linalg.norm(back - case.total) == pytest.approx(distance(before, case), rel=TIGHT, abs=TIGHT * case.size)


@promise
@given(cases(signed=True), ranks, st.data())
def test_the_first_directions_are_the_result_for_that_many(case: Case, rank: int, data: st.DataObject) -> None:
    fewer = data.draw(st.integers(1, rank))
    merged, _ = exact_merge(case.pairs, case.coefficients, rank)
    smaller, _ = exact_merge(case.pairs, case.coefficients, fewer)
    leading = merged.leading(fewer)
    assert np.allclose(leading.b, smaller.b, rtol=TIGHT, atol=0)
    assert np.allclose(leading.a, smaller.a, rtol=TIGHT, atol=0)


@promise
@given(cases(), st.integers(1, 14))
def test_a_direction_that_carries_nothing_can_still_learn(case: Case, rank: int) -> None:
    """Its column of B is zero, and its row of A is a contributed direction, orthogonal to those in use."""
    merged, spectrum = exact_merge(case.pairs, case.coefficients, rank)
    kept = min(rank, spectrum.directions)
    assert not merged.b[:, kept:].any()
    stacked = np.vstack([pair.a * np.sqrt(c) for pair, c in zip(case.pairs, case.coefficients, strict=True)])
    strengths = np.linalg.svd(stacked, compute_uv=False)
    contributed = np.count_nonzero(strengths > 1e-6 * strengths[0])
    idle = merged.a[kept:]
    alive = np.linalg.norm(idle, axis=1) > 0
    assert np.count_nonzero(alive) >= min(rank - kept, contributed - kept)
    overlap = idle[alive] @ merged.a[:kept].T
    assert np.allclose(overlap, 0, atol=1e-6 * np.linalg.norm(merged.a) ** 2)
