"""Bytes say what was encoded, within half a step, in exactly the foretold size; and no bytes can do harm."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shoal_swarm.merge import Codec, DenseSpec, ModuleSpec, Pair, PairPiece, StretchPiece, pack, piece_bytes, unpack
from shoal_swarm.merge.codec import decode, encode, encoded_bytes, reach
from shoal_swarm.merge.refusals import PayloadRefused
from tests.property.merge.strategies import generators, promise

Floats = npt.NDArray[np.float32]
codecs = st.sampled_from(list(Codec))


@st.composite
def tensors(draw: st.DrawFn) -> Floats:
    """Runs of values of any size and scale, heavy-tailed, with zeros and with blocks that are far smaller."""
    rng = draw(generators)
    count = draw(st.one_of(st.integers(0, 300), st.sampled_from([64, 65, 32_768, 32_769, 70_001])))
    values = rng.standard_t(3, count) * 10.0 ** draw(st.integers(-44, 6))
    if draw(st.booleans()):
        values[rng.random(count) < 0.5] = 0.0
    if draw(st.booleans()):
        values[: count // 2] *= 10.0 ** draw(st.integers(-12, 0))
    return values.astype(np.float32)


@promise
@given(tensors(), codecs)
def test_the_size_is_known_beforehand(values: Floats, codec: Codec) -> None:
    assert len(encode(codec, values)) == encoded_bytes(codec, values.size)


@promise
@given(tensors(), codecs)
def test_equal_values_give_equal_bytes_wherever_they_lie(values: Floats, codec: Codec) -> None:
    moved = np.empty(values.size + 1, np.float32)[1:]
    moved[:] = values
    assert encode(codec, moved) == encode(codec, values)


@promise
@given(tensors(), codecs)
@example(np.zeros(1, np.float32), Codec.INT8)
@example(np.array([1e-40], np.float32), Codec.INT8)
@example(np.array([1e-45, -1e-45], np.float32), Codec.FP16)
def test_what_was_decoded_encodes_to_the_same_bytes(values: Floats, codec: Codec) -> None:
    data = encode(codec, values)
    assert encode(codec, decode(codec, data, values.size)) == data


@promise
@given(tensors())
def test_fp32_changes_nothing(values: Floats) -> None:
    assert decode(Codec.FP32, encode(Codec.FP32, values), values.size).tobytes() == values.tobytes()


@promise
@given(tensors())
def test_fp16_keeps_eleven_bits_of_all_but_the_smallest(values: Floats) -> None:
    decoded = decode(Codec.FP16, encode(Codec.FP16, values), values.size)
    floor = 2.0**-28 * np.abs(values).max(initial=0.0)
    room = np.maximum(2.0**-11 * np.abs(values.astype(np.float64)), 2.0**-11 * floor + 2.0**-136)
    assert np.all(np.abs(decoded.astype(np.float64) - values) <= room * (1 + 2.0**-10))


@promise
@given(tensors())
def test_int8_is_off_by_at_most_half_a_step(values: Floats) -> None:
    decoded = decode(Codec.INT8, encode(Codec.INT8, values), values.size)
    errors = np.abs(decoded.astype(np.float64) - values)
    smallest = np.abs(values).max(initial=0.0) * 2.0**-28 / 127 + 2.0**-126
    for start in range(0, values.size, 64):
        block = np.abs(values[start : start + 64].astype(np.float64))
        step = max(block.max() / 127 * (1 + 2.0**-10), smallest)
        assert errors[start : start + 64].max() <= step / 2 * (1 + 2.0**-10)


@promise
@given(st.binary(max_size=400), codecs, st.integers(0, 130))
def test_bytes_of_strangers_decode_to_numbers_or_are_refused(data: bytes, codec: Codec, count: int) -> None:
    try:
        values = decode(codec, data, count)
    except PayloadRefused:
        return
    assert values.size == count
    assert np.isfinite(values).all()


@promise
@given(st.one_of(st.binary(max_size=400), tensors().map(lambda values: encode(Codec.INT8, values))), codecs, st.data())
def test_the_reach_of_bytes_is_known_without_decoding_them(data: bytes, codec: Codec, draw: st.DataObject) -> None:
    """And whatever can't be decoded has none: an owner that has looked may rely on what it saw."""
    count = draw.draw(st.sampled_from([c for c in range(len(data) + 1) if encoded_bytes(codec, c) == len(data)] or [0]))
    try:
        values = decode(codec, data, count)
    except PayloadRefused:
        with pytest.raises(PayloadRefused):
            reach(codec, data, count)
    else:
        assert np.abs(values).max(initial=0.0) <= reach(codec, data, count)


@promise
@given(tensors(), codecs)
def test_an_encoders_bytes_reach_no_further_than_half_a_percent_beyond_its_values(values: Floats, codec: Codec) -> None:
    top = float(np.abs(values).max(initial=0.0))
    assert reach(codec, encode(codec, values), values.size) <= top * 1.005 + 2.0**-110


@promise
@given(generators, codecs, st.data())
def test_a_damaged_payload_decodes_to_numbers_or_is_refused(
    rng: np.random.Generator, codec: Codec, data: st.DataObject
) -> None:
    """Right length, one byte off: most such bytes are still numbers, none may become a NaN or an infinity."""
    payload = bytearray(encode(codec, rng.standard_normal(100, dtype=np.float32)))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        values = decode(codec, bytes(payload), 100)
    except PayloadRefused:
        return
    assert np.isfinite(values).all()


@promise
@given(codecs, st.sampled_from([np.nan, np.inf, -np.inf, 3e38, 2.0**28]), st.integers(0, 199))
def test_what_is_not_finite_or_huge_never_leaves(codec: Codec, value: float, at: int) -> None:
    values = np.ones(200, np.float32)
    values[at] = value
    with pytest.raises(PayloadRefused):
        encode(codec, values)


@promise
@given(generators, codecs, st.integers(1, 40), st.integers(1, 40), st.integers(1, 5))
def test_a_pair_comes_out_of_its_payload(
    rng: np.random.Generator, codec: Codec, rows: int, columns: int, rank: int
) -> None:
    piece = PairPiece(ModuleSpec("q", rows, columns, rank))
    b, a = (rng.standard_normal(shape, dtype=np.float32) for shape in ((rows, rank), (rank, columns)))
    payload = pack(piece, Pair(b, a), codec)
    back = unpack(piece, payload, codec)
    assert len(payload) == piece_bytes(piece, codec)
    assert isinstance(back, Pair)
    assert back.b.shape == b.shape
    assert np.allclose(back.b, b, atol=np.abs(b).max() / 250)
    assert np.allclose(back.a, a, atol=np.abs(a).max() / 250)
    assert pack(piece, back, codec) == payload


@promise
@given(st.binary(max_size=200), codecs)
def test_a_strangers_piece_is_refused_or_whole(data: bytes, codec: Codec) -> None:
    for piece in (PairPiece(ModuleSpec("q", 3, 2, 2)), StretchPiece(DenseSpec("head", (5, 4)), 0, 20)):
        try:
            value = unpack(piece, data, codec)
        except PayloadRefused:
            continue
        assert len(data) == piece_bytes(piece, codec)
        assert isinstance(value, Pair) is isinstance(piece, PairPiece)
