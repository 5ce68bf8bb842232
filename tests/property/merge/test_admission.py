"""Whatever somebody contributes is admitted because it fits, or refused with a sentence that names the tensor."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_swarm.merge import Adapter, AdapterSpec, DenseSpec, ModuleSpec, Pair, admit, cut, pack, plan_pieces
from shoal_swarm.merge.codec import Codec
from shoal_swarm.merge.refusals import ContributionRefused, MergeRefused, SpecRefused
from tests.property.merge.strategies import promise

SPEC = AdapterSpec.of([ModuleSpec("q", 3, 2, 2)], [DenseSpec("bias", (3,))])

arrays = st.builds(
    lambda shape, dtype, value: np.full(shape, value).astype(dtype),
    st.lists(st.integers(0, 4), max_size=3).map(tuple),
    st.sampled_from(["<f4", "<f4", "<f4", ">f4", "<f8", "<f2", "<i4", "S3", "?"]),
    st.sampled_from([0.0, 1.5, -6e4]),
) | st.sampled_from(
    [
        np.zeros((3, 2), np.float32),
        np.zeros((2, 2), np.float32),
        np.zeros(3, np.float32),
        np.array([1, np.nan, 1], np.float32),
        np.array([[1, np.inf], [1, 1]], np.float32),
    ]
)
junk = st.none() | st.integers() | st.text(max_size=3) | st.sampled_from([["q"], ["bias"], {"q"}, 1.5]) | arrays
names = st.sampled_from(["q", "bias", "Q", "", "q\x00"]) | st.text(max_size=3)
pairs = st.builds(Pair, arrays | junk, arrays | junk) | junk
fitting = st.just(Pair(np.ones((3, 2), np.float32), np.ones((2, 2), np.float32)))
modules = st.fixed_dictionaries({"q": fitting | pairs}) | st.dictionaries(names, pairs, max_size=3) | junk
tensors = (
    st.fixed_dictionaries({"bias": st.just(np.ones(3, np.float32)) | arrays})
    | st.dictionaries(names, arrays | junk, max_size=3)
    | junk
)


@promise
@given(modules, tensors)
def test_junk_is_refused_and_what_is_admitted_can_travel(pairs_given: object, dense_given: object) -> None:
    adapter = Adapter(pairs_given, dense_given)  # type: ignore[arg-type]
    with contextlib.suppress(ContributionRefused):
        admit(adapter, SPEC)
        assert [len(pack(p, v, Codec.INT8)) for p, v in zip(plan_pieces(SPEC), cut(adapter, SPEC), strict=True)]


@promise
@given(st.binary(max_size=300))
def test_bytes_of_strangers_are_no_description(data: bytes) -> None:
    with pytest.raises(SpecRefused):
        AdapterSpec.from_bytes(data)


@promise
@given(st.data())
def test_a_damaged_description_is_refused_or_is_another_one(data: st.DataObject) -> None:
    damaged = bytearray(SPEC.to_bytes())
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != damaged[at]))
    try:
        other = AdapterSpec.from_bytes(bytes(damaged))
    except MergeRefused:
        return
    assert other != SPEC
    assert other.digest() != SPEC.digest()
