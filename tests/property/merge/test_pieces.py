"""Pieces cover an adapter once, and its work is divided fairly; the division leaves no trace in its name."""

import numpy as np
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
    piece_bytes,
    plan_pieces,
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
