"""Pieces cover an adapter once, and its work is divided fairly; the division leaves no trace in its name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_swarm.merge import (
    Adapter,
    AdapterSpec,
    Codec,
    DenseSpec,
    ModuleSpec,
    Pair,
    StretchPiece,
    cut,
    join,
    owner_count,
    owners,
    pack,
    payload_hash,
    piece_bytes,
    plan_pieces,
    root,
)
from tests.property.merge.strategies import generators, promise

sizes = st.integers(1, 9)


@st.composite
def specs(draw: st.DrawFn) -> AdapterSpec:
    """Descriptions with anything from one bias to a few modules and tensors."""
    names = iter(draw(st.lists(st.text("abc.", min_size=1, max_size=5), min_size=2, max_size=6, unique=True)))
    modules = [ModuleSpec(n, draw(sizes), draw(sizes), draw(sizes)) for n, _ in zip(names, range(2), strict=False)]
    dense = [DenseSpec(n, tuple(draw(st.lists(sizes, max_size=3)))) for n in names]
    return AdapterSpec.of(draw(st.permutations(modules)), draw(st.permutations(dense)))


def _adapter(spec: AdapterSpec, rng: np.random.Generator) -> Adapter:
    def some(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    return Adapter(
        {m.name: Pair(some(m.rows, m.rank), some(m.rank, m.columns)) for m in spec.modules},
        {t.name: some(*t.shape) for t in spec.dense},
    )


@promise
@given(specs())
def test_a_description_reads_back_and_has_one_spelling(spec: AdapterSpec) -> None:
    again = AdapterSpec.from_bytes(spec.to_bytes())
    assert again == spec
    assert again.digest() == spec.digest()
    assert AdapterSpec.of(reversed(spec.modules), reversed(spec.dense)).to_bytes() == spec.to_bytes()


@promise
@given(specs(), generators)
def test_what_is_cut_joins_again(spec: AdapterSpec, rng: np.random.Generator) -> None:
    adapter = _adapter(spec, rng)
    again = join(cut(adapter, spec), spec)
    for name, pair in adapter.pairs.items():
        assert np.array_equal(again.pairs[name].b, pair.b)
        assert np.array_equal(again.pairs[name].a, pair.a)
    for name, array in adapter.dense.items():
        assert np.array_equal(again.dense[name], array)


@given(st.integers(1, 5 << 20))
def test_stretches_of_a_dense_tensor_follow_each_other_and_are_at_most_4_mib(count: int) -> None:
    pieces = plan_pieces(AdapterSpec.of(dense=[DenseSpec("embedding", (count,))]))
    stretches = [piece for piece in pieces if isinstance(piece, StretchPiece)]
    assert [piece.start for piece in stretches] == [0, *(piece.end for piece in stretches[:-1])]
    assert stretches[-1].end == count
    assert all(piece_bytes(piece, Codec.FP32) <= 4 << 20 for piece in stretches)


@promise
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=60), st.integers(1, 8))
def test_every_piece_has_an_owner_and_nobody_has_much_more_than_a_fair_share(costs: list[float], count: int) -> None:
    nodes = [f"node-{i}" for i in range(count)]
    chosen = owners(costs, nodes)
    loads = [sum(cost for cost, owner in zip(costs, chosen, strict=True) if owner == node) for node in nodes]
    assert len(chosen) == len(costs)
    assert set(chosen) <= set(nodes)
    assert max(loads) <= (sum(costs) / count + max(costs)) * (1 + 1e-9)
    assert max(loads) - min(loads) <= max(costs) * (1 + 1e-9)
    assert chosen == owners(costs, nodes)


@pytest.mark.parametrize(
    ("bytes_total", "nodes", "expected"),
    [(0, 5, 1), (256 * 1024, 5, 1), (3 * 256 * 1024 - 1, 5, 2), (1 << 30, 5, 5), (1 << 30, 1, 1)],
)
def test_there_is_an_owner_for_each_quarter_of_a_mib(bytes_total: int, nodes: int, expected: int) -> None:
    assert owner_count(bytes_total, nodes) == expected


@promise
@given(specs(), generators)
def test_a_root_names_content_and_order_and_nothing_else(spec: AdapterSpec, rng: np.random.Generator) -> None:
    values = cut(_adapter(spec, rng), spec)
    hashes = [payload_hash(pack(p, v, Codec.INT8)) for p, v in zip(plan_pieces(spec), values, strict=True)]
    assert root(hashes) == root(list(hashes))
    changed = [*hashes[:-1], payload_hash(b"something else")]
    assert root(changed) != root(hashes)
    if len(set(hashes)) > 1:
        assert root(hashes[1:] + hashes[:1]) != root(hashes) or len(set(hashes[1:] + hashes[:1])) == 1
