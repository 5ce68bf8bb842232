"""`fp16`: half precision with one power of two for the whole tensor.

numpy converts float32 to half precision one number at a time, at half a gigabyte in a second. The same bits come
out of integer operations on whole chunks in half the time: a half-precision number is the middle of a float32
one whose exponent is 112 higher, so a multiplication lines the two up, and rounding is adding half of what is cut
off. (Ties go away from zero.)
"""

import numpy as np
import numpy.typing as npt

from shoal_swarm.merge.codec.reach import TOP_BITS, check_exponent, check_reach, common_exponent
from shoal_swarm.merge.limits import CHUNK_VALUES, largest
from shoal_swarm.merge.refusals import PayloadRefused

EXPONENTS_APART = 112
"""Between float32 and half precision."""

CUT_BITS = 13
"""What float32 has more behind the point."""

SIGN, MAGNITUDE = 0x8000, 0x7FFF
"""The bits of a half-precision number."""


def encoded_bytes(count: int) -> int:
    """Two for the power of two, and two for each value."""
    return 2 + 2 * count


def encode(values: npt.NDArray[np.float32]) -> bytes:
    """The bytes of the values."""
    reach = largest(values)
    check_reach(reach)
    exponent = common_exponent(reach, rounding_up=False)
    payload = np.empty(1 + values.size, dtype="<u2")
    payload[0] = exponent % (1 << 16)
    scratch = np.empty(min(values.size, CHUNK_VALUES), dtype=np.float32)
    factor = np.float32(2.0 ** (-exponent - EXPONENTS_APART))
    for start in range(0, values.size, CHUNK_VALUES):
        chunk = values[start : start + CHUNK_VALUES]
        scaled = np.multiply(chunk, factor, out=scratch[: chunk.size])
        _write_bits(scaled, payload[1 + start : 1 + start + chunk.size])
    return payload.tobytes()


def _write_bits(scaled: npt.NDArray[np.float32], bits: npt.NDArray[np.uint16]) -> None:
    """Cut aligned float32 numbers down to half precision; `scaled` is used up."""
    signs = scaled.view("<u2")[1::2] & np.uint16(SIGN)
    whole = scaled.view("<i4")
    whole += 1 << (CUT_BITS - 1)
    whole >>= CUT_BITS
    bits[:] = whole
    bits &= MAGNITUDE
    bits |= signs


def reach(data: bytes | memoryview) -> float:
    """The largest of the values of the bytes."""
    bits, exponent = _parts(data)
    tops = [_top(bits[start : start + CHUNK_VALUES]) for start in range(0, bits.size, CHUNK_VALUES)]
    return float(np.array(max(tops, default=0), "<u2").view("<f2")) * 2.0**exponent


def decode(data: bytes | memoryview) -> npt.NDArray[np.float32]:
    """The values of the bytes."""
    bits, exponent = _parts(data)
    values = np.empty(bits.size, dtype=np.float32)
    for start in range(0, values.size, CHUNK_VALUES):
        chunk = bits[start : start + CHUNK_VALUES]
        _top(chunk)
        stretch = values[start : start + CHUNK_VALUES]
        stretch[:] = chunk.view("<f2")
        stretch *= np.float32(2.0**exponent)
    return values


def _parts(data: bytes | memoryview) -> tuple[npt.NDArray[np.uint16], int]:
    exponent = int(np.frombuffer(data, dtype="<i2", count=1)[0])
    check_exponent(exponent)
    return np.frombuffer(data, dtype="<u2", offset=2), exponent


def _top(bits: npt.NDArray[np.uint16]) -> int:
    """The bits of the largest, which no encoder writes beyond a bound."""
    top = int(np.max(bits & MAGNITUDE))
    if top >= TOP_BITS:
        raise PayloadRefused(
            f"A payload holds the half-precision bits {top:#06x}: encoders write finite numbers below 2^15. "
            "Ask its sender for it again."
        )
    return top
