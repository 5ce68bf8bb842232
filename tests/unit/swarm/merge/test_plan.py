"""A plan refuses rules that do not go together, and a merge refuses weights and values that give no result."""

import numpy as np
import pytest

from shoal_swarm.merge import (
    Codec,
    Combine,
    DenseSpec,
    ModuleSpec,
    Pair,
    PairPiece,
    Plan,
    PlanRefused,
    StretchPiece,
    Value,
    combine,
    exact_merge,
    fold_pair,
    merge_cost,
    narrowed,
    pack,
    strength,
    unpack,
)
from shoal_swarm.merge.alignment import aligned
from shoal_swarm.merge.limits import CONTRIBUTED_MAX
from shoal_swarm.merge.refusals import RankWrong, ResultTooLarge, ShapeWrong, WeightsRefused

PIECE = PairPiece(ModuleSpec("q", 6, 5, 2))
BIAS = StretchPiece(DenseSpec("bias", (3,)), 0, 3)


def _pair(seed: int, rank: int = 2) -> Pair:
    rng = np.random.default_rng(seed)
    return Pair(rng.standard_normal((6, rank), dtype=np.float32), rng.standard_normal((rank, 5), dtype=np.float32))


def test_a_task_names_its_rules() -> None:
    assert Plan.named() == Plan(codec=Codec.INT8, combine=Combine.EXACT)
    plan = Plan.named(combine="factor-mean", codec="fp16")
    assert (plan.combine, plan.codec) == (Combine.FACTOR_MEAN, Codec.FP16)


def test_nodes_align_after_exact_merges_unless_told_otherwise() -> None:
    assert Plan().aligns
    assert not Plan(align=False).aligns
    assert not Plan(combine=Combine.FACTOR_MEAN).aligns


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"combine": "factor_mean"}, "combine: factor_mean is no rule of this merge. Did you mean factor-mean?"),
        ({"codec": "zip"}, "codec: zip is no rule of this merge. Choose fp32 or fp16 or int8."),
        ({"weigh": "krum"}, "weigh: krum is no rule of this merge. Choose mean."),
        ({"dense": "coordmedian"}, "dense: coordmedian is no rule of this merge. Choose mean."),
    ],
)
def test_an_unknown_rule_is_refused_with_the_known_ones(rules: dict[str, str], sentence: str) -> None:
    with pytest.raises(PlanRefused) as caught:
        Plan.named(**rules)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_factor_means_go_with_neither_alignment_nor_mixed_ranks() -> None:
    with pytest.raises(PlanRefused, match="factor-mean does not go with align"):
        Plan(combine=Combine.FACTOR_MEAN, align=True)
    with pytest.raises(PlanRefused, match="factor-mean does not go with mixed ranks"):
        Plan(combine=Combine.FACTOR_MEAN, mixed_ranks=True)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ({"a": 1, "b": -1}, "b has weight -1"),
        ({"a": float("nan"), "b": 1}, "a has weight nan"),
        ({"a": float("inf"), "b": 1}, "a has weight inf"),
        ({"a": 10**400, "b": 1}, "a has weight 1"),
        ({"a": 0, "b": 0.0}, "None of 2 contributions weighs anything"),
        ({"a": 1}, "b came to q with a value or a weight but not both"),
        ({"a": 1, "b": 1, "c": 1}, "c came to q with a value or a weight but not both"),
    ],
)
def test_weights_that_give_no_mean_are_refused(weights: dict[str, float], sentence: str) -> None:
    with pytest.raises(WeightsRefused, match=sentence):
        combine(Plan(), PIECE, {"a": _pair(1), "b": _pair(2)}, weights)


def test_a_value_of_another_piece_is_refused() -> None:
    with pytest.raises(ShapeWrong, match=r"bias\[0:3\] has shape \[4\]"):
        combine(Plan(), BIAS, {"a": np.zeros(4, np.float32)}, {"a": 1})
    with pytest.raises(RankWrong, match="q has rank 1"):
        combine(Plan(), PIECE, {"a": _pair(1, rank=1)}, {"a": 1})


def test_examples_weigh() -> None:
    values: dict[str, Value] = {"a": np.array([0, 4, 8], np.float32), "b": np.array([4, 4, 4], np.float32)}
    assert np.array_equal(combine(Plan(), BIAS, values, {"a": 1, "b": 3}).value, [3, 4, 5])  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", Combine)
def test_a_contribution_that_is_alone_stays_as_it_is(rule: Combine) -> None:
    value = _pair(1)
    assert combine(Plan(combine=rule), PIECE, {"a": value, "idle": _pair(2)}, {"a": 5, "idle": 0}).value is value


def test_only_exact_merges_tell_a_spectrum() -> None:
    values: dict[str, Value] = {"a": _pair(1), "b": _pair(2)}
    exact = combine(Plan(), PIECE, values, {"a": 1, "b": 1})
    factor = combine(Plan(combine=Combine.FACTOR_MEAN), PIECE, values, {"a": 1, "b": 1})
    assert exact.spectrum is not None
    assert 0 < exact.spectrum.lost < 1
    assert factor.spectrum is None
    assert isinstance(factor.value, Pair)
    assert np.allclose(factor.value.b, (_pair(1).b + _pair(2).b) / 2)
    assert np.allclose(factor.value.a, (_pair(1).a + _pair(2).a) / 2)


def test_nodes_with_fewer_directions_take_part_in_an_exact_merge() -> None:
    values: dict[str, Value] = {"small": _pair(1, rank=1), "large": _pair(2)}
    merged = combine(Plan(mixed_ranks=True), PIECE, values, {"small": 1, "large": 1}).value
    best, _ = exact_merge([_pair(1, rank=1), _pair(2)], [0.5, 0.5], 2)
    assert isinstance(merged, Pair)
    assert np.allclose(merged.product(), best.product(), atol=1e-6)
    alone = combine(Plan(mixed_ranks=True), PIECE, {"small": _pair(1, rank=1)}, {"small": 1}).value
    assert isinstance(alone, Pair)
    assert alone.rank == 2
    assert np.array_equal(alone.product(), _pair(1, rank=1).product())


@pytest.mark.parametrize("rule", Combine)
def test_the_largest_contributions_that_owners_take_can_be_merged_and_travel(rule: Combine) -> None:
    """Or else one member could bring what no owner can merge, and the round would never end."""
    module = ModuleSpec("q", 1024, 4096, 64)
    top = np.nextafter(np.float32(CONTRIBUTED_MAX), np.float32(0))
    large = Pair(np.full((1024, 64), top, np.float32), np.full((64, 4096), -top, np.float32))
    other = Pair(large.b, large.a * np.float32(0.5))
    plan = Plan(combine=rule)
    value = combine(plan, PairPiece(module), {"a": large, "b": other}, {"a": 1, "b": 1}).value
    assert unpack(PairPiece(module), pack(PairPiece(module), value, plan.codec), plan.codec)


def test_a_change_that_takes_a_tensor_out_of_reach_is_refused() -> None:
    with pytest.raises(ResultTooLarge, match=r"The merged bias reaches 2\.68e\+08.* diverged"):
        narrowed("bias", np.array([2.0**28]))


def test_aligning_needs_equal_ranks() -> None:
    with pytest.raises(RankWrong, match="rank 2 and the node's own 1: take as many leading directions"):
        aligned(_pair(1), _pair(2, rank=1))
    assert aligned(_pair(1).leading(1), _pair(2, rank=1)).rank == 1


def test_aligning_to_an_untrained_pair_follows_a_alone() -> None:
    """Before the first commit a node's B is zero: there is nothing on that side to be close to."""
    merged, _ = exact_merge([_pair(1)], [1.0], 2)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0]
    own = Pair(np.zeros((6, 2)), turn.T @ merged.a)
    assert np.allclose(aligned(merged, own).a, own.a)
    assert np.allclose(aligned(merged, Pair(own.b, np.zeros((2, 5)))).product(), merged.product())


def test_late_work_counts_less_the_older_it_is() -> None:
    assert [strength(age) for age in (0, 3)] == [1.0, 0.5]
    with pytest.raises(WeightsRefused, match="cannot be -1 rounds old"):
        strength(-1)


def test_folded_work_travels_like_any_other() -> None:
    folded, spectrum = fold_pair(_pair(1), _pair(2), _pair(3), strength(1))
    value = narrowed("q", folded)
    assert isinstance(value, Pair)
    assert value.b.dtype == value.a.dtype == np.float32
    assert 0 < spectrum.lost < 1


def test_an_exact_merge_costs_its_owner_more_than_a_mean() -> None:
    assert merge_cost(PIECE, 8, exact=True) > merge_cost(PIECE, 8, exact=False) > merge_cost(PIECE, 2, exact=False)
    assert merge_cost(BIAS, 8, exact=True) == merge_cost(BIAS, 8, exact=False)
