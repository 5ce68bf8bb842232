"""The bytes of each encoding are fixed, int8 is as exact as promised, and wrong bytes are refused with a sentence."""

import numpy as np
import numpy.typing as npt
import pytest

from shoal_swarm.merge import (
    Codec,
    DenseSpec,
    ModuleSpec,
    Pair,
    PairPiece,
    StretchPiece,
    check_contributed,
    pack,
    unpack,
)
from shoal_swarm.merge.codec import decode, encode, encoded_bytes
from shoal_swarm.merge.limits import CONTRIBUTED_MAX, TRAINED_MAX
from shoal_swarm.merge.refusals import OutOfRange, PayloadRefused

Floats = npt.NDArray[np.float32]
VALUES = np.array([1.0, -0.5, 0.1, 0.0, 3e-5], np.float32)
GOLDEN = {
    Codec.FP32: "0000803f 000000bf cdcccc3d 00000000 82a8fb37",
    Codec.FP16: "f2ff 0074 00f0 6666 0000 dd37",  # 2^-14, then 2^14, -2^13, ...
    Codec.INT8: "ebff 0974 7f c1 0d 00 00",  # 2^-21, a step of 16528, then 127, -63, 13, 0, 0
}


@pytest.mark.parametrize("codec", Codec)
def test_the_bytes_are_fixed(codec: Codec) -> None:
    """What was hashed and signed yesterday must read the same tomorrow: a new layout needs a new name."""
    assert encode(codec, VALUES) == bytes.fromhex(GOLDEN[codec])


def test_of_a_pair_b_travels_on_its_side() -> None:
    b, a = np.array([[1, 2], [3, 4], [5, 6]], np.float32), np.array([[7, 8], [9, 10]], np.float32)
    payload = pack(PairPiece(ModuleSpec("q", 3, 2, 2)), Pair(b, a), Codec.FP32)
    assert np.frombuffer(payload, "<f4").tolist() == [1, 3, 5, 2, 4, 6, 7, 8, 9, 10]


def _adam_like(rng: np.random.Generator) -> Floats:
    """Early Adam steps: nearly all entries have one of two sizes."""
    return (np.sign(rng.standard_normal(1 << 18)) * rng.uniform(0.8, 1.0, 1 << 18) * 1e-3).astype(np.float32)


@pytest.mark.parametrize(
    ("values", "percent_max"),
    [
        (lambda rng: rng.standard_normal(1 << 18, dtype=np.float32), 0.60),
        (lambda rng: rng.standard_normal(1 << 18, dtype=np.float32) * np.float32(1e-7), 0.60),
        (_adam_like, 0.33),
    ],
    ids=["gaussian", "tiny gaussian", "adam-like"],
)
def test_int8_keeps_its_promise_of_accuracy(values: object, percent_max: float) -> None:
    given = values(np.random.default_rng(0))  # type: ignore[operator]
    decoded = decode(Codec.INT8, encode(Codec.INT8, given), given.size)
    percent = 100 * float(np.linalg.norm(decoded - given) / np.linalg.norm(given))
    assert round(percent, 2) <= percent_max


def test_one_huge_value_spoils_its_own_block_only() -> None:
    values = np.full(640, 1e-3, np.float32)
    values[5] = 1e6
    decoded = decode(Codec.INT8, encode(Codec.INT8, values), values.size)
    assert np.allclose(decoded[64:], 1e-3, rtol=0.01)


def _int8(exponent: int = -21, step: float = 16528.0, multiple: int = 100) -> bytes:
    parts = (np.array(exponent, "<i2"), np.array([step], "<f2"), np.full(5, multiple, np.int8))
    return b"".join(part.tobytes() for part in parts)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (_int8()[:-1], "has 8 bytes: 5 values in int8 take 9"),
        (_int8() + b"\0", "has 10 bytes: 5 values in int8 take 9"),
        (b"", "has 0 bytes"),
        (_int8(exponent=15), "scales by 2 to the 15"),
        (_int8(exponent=-113), "scales by 2 to the -113"),
        (_int8(step=np.nan), "a block with the step nan"),
        (_int8(step=np.inf), "a block with the step inf"),
        (_int8(step=-16528.0), "a block with the step -16"),
        (_int8(step=0.0), "a block with the step 0.0"),
        (_int8(step=2.0**-15), "a block with the step 3"),
        (_int8(step=2.0**15), "a block with the step 32"),
        (_int8(multiple=-128), "a value -128 steps from zero"),
    ],
)
def test_wrong_int8_bytes_are_refused_with_the_reason(data: bytes, sentence: str) -> None:
    assert decode(Codec.INT8, _int8(), 5)[0] == pytest.approx(100 * 16528 * 2.0**-21)
    with pytest.raises(PayloadRefused, match=sentence):
        decode(Codec.INT8, data, 5)


@pytest.mark.parametrize(
    ("codec", "data", "sentence"),
    [
        (Codec.FP32, np.array([np.nan], "<f4").tobytes(), "reaches nan"),
        (Codec.FP32, np.array([-np.inf], "<f4").tobytes(), "reaches inf"),
        (Codec.FP32, np.array([3e38], "<f4").tobytes(), "reaches 3e\\+38"),
        (Codec.FP16, b"\x00\x00" + np.array([np.nan], "<f2").tobytes(), "bits 0x7e00"),
        (Codec.FP16, b"\x00\x00" + np.array([-np.inf], "<f2").tobytes(), "bits 0x7c00"),
        (Codec.FP16, b"\x00\x00" + np.array([2.0**15], "<f2").tobytes(), "bits 0x7800"),
        (Codec.FP16, b"\x0f\x00" + np.array([1.0], "<f2").tobytes(), "scales by 2 to the 15"),
    ],
)
def test_wrong_bytes_are_refused_with_the_reason(codec: Codec, data: bytes, sentence: str) -> None:
    with pytest.raises(PayloadRefused, match=sentence):
        decode(codec, data, 1)


@pytest.mark.parametrize("codec", Codec)
def test_an_owner_takes_what_a_node_may_bring_and_no_more(codec: Codec) -> None:
    piece = PairPiece(ModuleSpec("q", 30, 20, 2))
    top = np.nextafter(np.float32(TRAINED_MAX), np.float32(0))

    def reaching(value: float) -> bytes:
        b, a = np.ones((30, 2), np.float32), np.ones((2, 20), np.float32)
        a[1, 7] = -value
        return pack(piece, Pair(b, a), codec)

    check_contributed(piece, reaching(top), codec)
    with pytest.raises(OutOfRange, match=r"q reaches 1\.31e\+05: what is merged stays below 1\.31e\+05"):
        check_contributed(piece, reaching(CONTRIBUTED_MAX), codec)


def test_a_refused_piece_is_named() -> None:
    piece = StretchPiece(DenseSpec("head.weight", (30,)), 10, 20)
    with pytest.raises(PayloadRefused, match=r"The payload of head\.weight\[10:20\] has 3 bytes: in int8 it takes 14"):
        unpack(piece, b"abc", Codec.INT8)


@pytest.mark.parametrize("codec", Codec)
def test_the_largest_value_that_may_travel_does(codec: Codec) -> None:
    values = np.array([np.nextafter(np.float32(2.0**28), np.float32(0)), -1.0], np.float32)
    assert decode(codec, encode(codec, values), 2)[0] == pytest.approx(2.0**28, rel=1e-3)


@pytest.mark.parametrize("codec", Codec)
def test_nothing_is_a_run_of_values_too(codec: Codec) -> None:
    nothing = np.empty(0, np.float32)
    assert len(encode(codec, nothing)) == encoded_bytes(codec, 0)
    assert decode(codec, encode(codec, nothing), 0).size == 0


def test_int8_takes_one_byte_and_a_thirty_second_for_each_value() -> None:
    assert encoded_bytes(Codec.INT8, 1 << 20) == (1 << 20) + (1 << 15) + 2
