"""A merge depends on what was contributed and what it weighs, not on order, division of labour or chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_swarm.merge import (
    Adapter,
    AdapterSpec,
    Codec,
    Combine,
    DenseSpec,
    ModuleSpec,
    Pair,
    PairPiece,
    Plan,
    StretchPiece,
    Value,
    combine,
    cut,
    join,
    pack,
    plan_pieces,
    unpack,
)
from tests.property.merge.strategies import Case, float32, generators, plain_cases, promise

plans = st.sampled_from([Plan(), Plan(combine=Combine.FACTOR_MEAN)])


@dataclass(frozen=True)
class Round:
    """One module's contributions and what each weighs."""

    piece: PairPiece
    values: dict[str, Value]
    weights: dict[str, float]

    def merge(self, plan: Plan) -> Pair:
        value = combine(plan, self.piece, self.values, self.weights).value
        assert isinstance(value, Pair)
        return value

    def other(self, values: dict[str, Value], weights: dict[str, float]) -> "Round":
        return Round(self.piece, values, weights)

    @property
    def size(self) -> float:
        return float(max(np.abs(pair.product()).max() for pair in self.values.values() if isinstance(pair, Pair)))


def _round(case: Case) -> Round:
    rows, rank = case.pairs[0].b.shape
    names = [f"node-{i}" for i in range(len(case.pairs))]
    return Round(
        PairPiece(ModuleSpec("q", rows, case.pairs[0].a.shape[1], rank)),
        dict(zip(names, map(float32, case.pairs), strict=True)),
        dict(zip(names, case.coefficients, strict=True)),
    )


rounds = plain_cases.map(_round)


def same(one: Pair, other: Pair) -> bool:
    return one.b.tobytes() == other.b.tobytes() and one.a.tobytes() == other.a.tobytes()


@promise
@given(rounds, plans, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_bit(it: Round, plan: Plan, random: "object") -> None:
    names = list(it.values)
    random.shuffle(names)  # type: ignore[attr-defined]
    shuffled = it.other({n: it.values[n] for n in names}, {n: it.weights[n] for n in reversed(names)})
    assert same(it.merge(plan), shuffled.merge(plan))


@promise
@given(rounds, plans)
def test_the_same_round_gives_the_same_bits_wherever_its_numbers_lie_in_memory(it: Round, plan: Plan) -> None:
    moved: dict[str, Value] = {name: _elsewhere(value) for name, value in it.values.items()}
    assert same(it.merge(plan), it.other(moved, it.weights).merge(plan))


def _elsewhere(value: Value) -> Value:
    assert isinstance(value, Pair)
    b = np.empty(value.b.size + 1, np.float32)[1:].reshape(value.b.shape)
    b[:] = value.b
    return Pair(b, np.asfortranarray(value.a))


@promise
@given(rounds, plans, st.integers(1, 7))
def test_copies_of_one_adapter_merge_to_it(it: Round, plan: Plan, copies: int) -> None:
    value = it.values["node-0"]
    assert isinstance(value, Pair)
    weights = {f"node-{i}": 1.0 + i for i in range(copies)}
    merged = it.other(dict.fromkeys(weights, value), weights).merge(plan)
    room = 1e-6 * float(np.linalg.norm(value.b) * np.linalg.norm(value.a))
    assert np.allclose(merged.product(), value.product(), atol=room)


@promise
@given(rounds, plans)
def test_who_weighs_nothing_is_not_there(it: Round, plan: Plan) -> None:
    idle = Pair(np.full_like(it.values["node-0"].b, 7.0), np.full_like(it.values["node-0"].a, 7.0))  # type: ignore[union-attr]
    beside = it.other({**it.values, "idle": idle}, {**it.weights, "idle": 0.0})
    assert same(it.merge(plan), beside.merge(plan))


@promise
@given(rounds, plans, st.floats(1e-3, 1e3))
def test_only_the_ratio_of_weights_counts(it: Round, plan: Plan, factor: float) -> None:
    scaled = it.other(it.values, {name: weight * factor for name, weight in it.weights.items()})
    assert _distance(it, plan, scaled) <= 1e-5 * it.size


@promise
@given(rounds, plans)
def test_two_halves_of_a_contribution_count_as_the_whole(it: Round, plan: Plan) -> None:
    weights = {**it.weights, "node-0": it.weights["node-0"] / 2, "node-0-twin": it.weights["node-0"] / 2}
    halved = it.other({**it.values, "node-0-twin": it.values["node-0"]}, weights)
    assert _distance(it, plan, halved) <= 1e-5 * it.size


def _distance(it: Round, plan: Plan, other: Round) -> float:
    """How far two results are apart; exact ones in their distance to the mean, for ties may fall either way."""
    one, two = it.merge(plan).product(), other.merge(plan).product()
    if plan.combine is Combine.FACTOR_MEAN:
        return float(np.abs(one - two).max())
    total = sum(it.weights.values())
    mean = sum(it.weights[name] / total * pair.product() for name, pair in it.values.items() if isinstance(pair, Pair))
    return abs(float(np.linalg.norm(one - mean) - np.linalg.norm(two - mean)))


@promise
@given(rounds)
def test_moving_every_dense_tensor_moves_the_mean(it: Round) -> None:
    rng = np.random.default_rng(len(it.values))
    count = 100
    piece = StretchPiece(DenseSpec("head", (count,)), 0, count)
    values: dict[str, Value] = {name: rng.standard_normal(count).astype(np.float32) for name in it.values}
    moved: dict[str, Value] = {
        name: value + np.float32(8) for name, value in values.items() if not isinstance(value, Pair)
    }
    before, after = (combine(Plan(), piece, each, it.weights).value for each in (values, moved))
    assert isinstance(before, np.ndarray)
    assert np.allclose(before + np.float32(8), after, atol=1e-5)


SPEC = AdapterSpec.of(
    [ModuleSpec("q", 12, 7, 3), ModuleSpec("v", 5, 40, 3), ModuleSpec("up", 64, 64, 4)],
    [DenseSpec("head.weight", (5, 70)), DenseSpec("head.bias", (5,)), DenseSpec("embedding", (1100, 1000))],
)


def _adapter(rng: np.random.Generator) -> Adapter:
    return Adapter(
        {
            m.name: Pair(
                rng.standard_normal((m.rows, m.rank), dtype=np.float32),
                rng.standard_normal((m.rank, m.columns), dtype=np.float32),
            )
            for m in SPEC.modules
        },
        {t.name: rng.standard_normal(t.shape, dtype=np.float32) for t in SPEC.dense},
    )


@pytest.mark.parametrize("nodes", [("a",), ("a", "b", "c")])
@pytest.mark.parametrize("codec", Codec)
def test_an_adapter_merged_by_many_owners_is_the_one_merged_by_one(codec: Codec, nodes: Sequence[str]) -> None:
    """Stretches at odd places too: the whole is merged as one tensor and compared bit for bit."""
    rng = np.random.default_rng(5)
    plan = Plan(codec=codec)
    weights = {"x": 3.0, "y": 1.0, "z": 2.5}
    pieces = plan_pieces(SPEC)
    wire = {n: [pack(p, v, codec) for p, v in zip(pieces, cut(_adapter(rng), SPEC), strict=True)] for n in weights}
    owner_of = [nodes[int(rng.integers(len(nodes)))] for _ in pieces]
    results: dict[int, Value] = {}
    for node in nodes:
        for index, piece in reversed(list(enumerate(pieces))):
            if owner_of[index] == node:
                values = {n: unpack(piece, wire[n][index], codec) for n in reversed(list(weights))}
                results[index] = combine(plan, piece, values, weights).value
    merged = join([results[index] for index in range(len(pieces))], SPEC)
    everyone = {n: join([unpack(p, d, codec) for p, d in zip(pieces, wire[n], strict=True)], SPEC) for n in weights}
    for module in SPEC.modules:
        whole = combine(plan, PairPiece(module), {n: a.pairs[module.name] for n, a in everyone.items()}, weights).value
        assert isinstance(whole, Pair)
        assert same(merged.pairs[module.name], whole)
    for tensor in SPEC.dense:
        flat: dict[str, Value] = {n: a.dense[tensor.name].reshape(-1) for n, a in everyone.items()}
        size = int(np.prod(tensor.shape))
        unbroken = combine(plan, StretchPiece(tensor, 0, size), flat, weights).value
        assert isinstance(unbroken, np.ndarray)
        assert merged.dense[tensor.name].tobytes() == unbroken.tobytes()


@promise
@given(generators, st.integers(1, 9_000), st.data())
def test_any_stretch_of_a_dense_mean_is_that_stretch_of_the_whole(
    rng: np.random.Generator, count: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, count - 1))
    end = data.draw(st.integers(start + 1, count))
    tensor = DenseSpec("head", (count,))
    weights = {"x": 3.0, "y": 1.0, "z": 0.7}
    values: dict[str, Value] = {n: rng.standard_normal(count, dtype=np.float32) for n in weights}
    parts: dict[str, Value] = {n: v[start:end] for n, v in values.items() if not isinstance(v, Pair)}
    whole = combine(Plan(), StretchPiece(tensor, 0, count), values, weights).value
    part = combine(Plan(), StretchPiece(tensor, start, end), parts, weights).value
    assert isinstance(whole, np.ndarray)
    assert isinstance(part, np.ndarray)
    assert part.tobytes() == whole[start:end].tobytes()
