"""Late work is added to what the others made of the round, cut back to its rank, with the loss reported."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_swarm.merge import fold_array, fold_pair
from tests.property.merge.strategies import Case, cases, generators, promise

amounts = st.floats(0.01, 1.0)


@promise
@given(cases(one_rank=True), amounts)
def test_what_is_missing_after_folding_is_what_was_reported(case: Case, amount: float) -> None:
    new, own, old = (case.pairs * 3)[:3]
    folded, spectrum = fold_pair(new, own, old, amount)
    wanted = new.product() + amount * (own.product() - old.product())
    size = sum(np.linalg.norm(pair.b) * np.linalg.norm(pair.a) for pair in (new, own, old))
    assert folded.rank == new.rank
    missing = np.linalg.norm(folded.product() - wanted)
    assert missing == pytest.approx(spectrum.lost * spectrum.norm, rel=1e-9, abs=1e-9 * size)


@promise
@given(cases(one_rank=True), amounts)
def test_who_learned_nothing_changes_nothing(case: Case, amount: float) -> None:
    new, base = (case.pairs * 2)[:2]
    folded, spectrum = fold_pair(new, base, base, amount)
    size = sum(np.linalg.norm(pair.b) * np.linalg.norm(pair.a) for pair in (new, base, base))
    assert np.allclose(folded.product(), new.product(), atol=1e-9 * size)
    assert spectrum.lost * spectrum.norm <= 1e-9 * size


@promise
@given(cases(one_rank=True))
def test_a_node_that_was_alone_late_gets_its_own_work_back(case: Case) -> None:
    """Nobody else moved, so all that counts is its own work."""
    own, old = (case.pairs * 2)[:2]
    folded, _ = fold_pair(old, own, old, 1.0)
    size = sum(np.linalg.norm(pair.b) * np.linalg.norm(pair.a) for pair in (old, own, old))
    assert np.allclose(folded.product(), own.product(), atol=1e-9 * size)


@promise
@given(generators, amounts)
def test_dense_tensors_are_added(rng: np.random.Generator, amount: float) -> None:
    new, own, old = rng.standard_normal((3, 50), dtype=np.float32)
    assert np.allclose(fold_array(new, own, old, amount), new + amount * (own.astype(np.float64) - old), atol=1e-12)
