"""How tensors travel: float32 values in, bytes out, and back.

Three encodings of a flat run of n float32 values, each of a size known from n alone:

    fp32   4 n bytes                         the values
    fp16   2 + 2 n bytes                     one power of two for all, then half-precision numbers
    int8   2 + 2 ⌈n/64⌉ + n bytes            one power of two for all, a half-precision step for every 64 values,
                                             then a signed byte for each value

All are little-endian and have no other header: shapes come from the adapter's description, which all nodes
share. Encoding is a function of the values alone, so equal values give equal bytes, and encoding what was
decoded gives the bytes that were decoded: a node can hold tensors and still serve the bytes that were hashed.
Bytes from outside may be anything; whatever could not have come from an encoder is refused with a sentence.
"""

from enum import StrEnum
from typing import assert_never

import numpy as np
import numpy.typing as npt

from shoal_swarm.merge.codec import half, int8, single
from shoal_swarm.merge.refusals import PayloadRefused


class Codec(StrEnum):
    """The encodings by their names in a task."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


def encoded_bytes(codec: Codec, count: int) -> int:
    """How many bytes `count` values take, exactly."""
    match codec:
        case Codec.FP32:
            return single.encoded_bytes(count)
        case Codec.FP16:
            return half.encoded_bytes(count)
        case Codec.INT8:
            return int8.encoded_bytes(count)
        case _:
            assert_never(codec)


def encode(codec: Codec, values: npt.NDArray[np.float32]) -> bytes:
    """The bytes of a flat run of values."""
    match codec:
        case Codec.FP32:
            return single.encode(values)
        case Codec.FP16:
            return half.encode(values)
        case Codec.INT8:
            return int8.encode(values)
        case _:
            assert_never(codec)


def decode(codec: Codec, data: bytes | memoryview, count: int) -> npt.NDArray[np.float32]:
    """The `count` values that were encoded."""
    _check_size(codec, data, count)
    match codec:
        case Codec.FP32:
            return single.decode(data)
        case Codec.FP16:
            return half.decode(data)
        case Codec.INT8:
            return int8.decode(data, count)
        case _:
            assert_never(codec)


def reach(codec: Codec, data: bytes | memoryview, count: int) -> float:
    """The largest value that the bytes may hold, found without decoding them; what `decode` refuses is refused."""
    _check_size(codec, data, count)
    match codec:
        case Codec.FP32:
            return single.reach(data)
        case Codec.FP16:
            return half.reach(data)
        case Codec.INT8:
            return int8.reach(data, count)
        case _:
            assert_never(codec)


def _check_size(codec: Codec, data: bytes | memoryview, count: int) -> None:
    expected = encoded_bytes(codec, count)
    if len(data) != expected:
        raise PayloadRefused(
            f"A payload has {len(data)} bytes: {count} values in {codec} take {expected}. Ask its sender for it again."
        )
