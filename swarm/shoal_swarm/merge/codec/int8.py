"""`int8`: a signed byte for each value, and a step for every 64 of them.

A block of 64 values is written as whole multiples, from -127 to 127, of a step: the block's largest value over
127. Small blocks keep one large value from spoiling many small ones; 64 costs 3 % in size. Steps are written in
half precision, and since the steps of trained factors are smaller than half precision likes, one power of two is
taken out of all of them first (see `reach`). A step is rounded up, so that 127 of them always reach the largest
value; then no value is ever clipped, and every value is within half a step of what is decoded.

Blocks whose step is 2²⁸ times smaller than the tensor's largest get the smallest step that has all its bits:
they are far below the noise of the others. An all-zero block is such a one, so nothing is ever divided by zero.

Whether decoding and encoding again gives the same bytes: the largest multiple in a block with an ordinary step is
127, because rounding a step up by at most one part in 2¹⁰ leaves 126.9; so the largest decoded value over 127 is
the same step, exactly (127 has seven bits, a step eleven, float32 twenty-four).

Layout: the power's exponent (2 bytes), the steps (2 bytes each), the multiples (1 byte each).
"""

import numpy as np
import numpy.typing as npt

from shoal_swarm.merge.codec.reach import TOP_BITS, check_exponent, check_reach, common_exponent
from shoal_swarm.merge.limits import CHUNK_VALUES
from shoal_swarm.merge.refusals import PayloadRefused

BLOCK = 64
STEPS = 127
STEP_MIN, STEP_MIN_BITS = 2.0**-14, 0x0400
"""The smallest half-precision number with all its bits."""

CUT_BITS = 13
"""What float32 has more behind the point than half precision."""

Floats = npt.NDArray[np.float32]


def encoded_bytes(count: int) -> int:
    """Two for the power of two, two for each block, one for each value."""
    return 2 + 2 * _blocks(count) + count


def encode(values: Floats) -> bytes:
    """The bytes of the values."""
    peaks = _block_peaks(values)
    check_reach(float(np.max(peaks, initial=0.0)))
    ideal = peaks / np.float32(STEPS)
    exponent = common_exponent(float(np.max(ideal, initial=0.0)), rounding_up=True)
    halves = _rounded_up(ideal * np.float32(2.0**-exponent))
    edge = 2 + 2 * halves.size
    payload = np.empty(edge + values.size, dtype=np.int8)
    payload[:2].view("<i2")[0] = exponent
    payload[2:edge].view("<f2")[:] = halves
    _each_block(values, np.reciprocal(_steps(halves, exponent)), payload[edge:])
    return payload.tobytes()


def reach(data: bytes | memoryview, count: int) -> float:
    """The largest value that the bytes have room for, which in an encoder's bytes one block comes close to."""
    halves, exponent, _multiples = _parts(data, count)
    return STEPS * float(np.max(halves, initial=0)) * 2.0**exponent


def decode(data: bytes | memoryview, count: int) -> Floats:
    """The `count` values of the bytes."""
    halves, exponent, multiples = _parts(data, count)
    values = np.empty(count, dtype=np.float32)
    _each_block(multiples, _steps(halves, exponent), values)
    return values


def _parts(data: bytes | memoryview, count: int) -> tuple[npt.NDArray[np.float16], int, npt.NDArray[np.int8]]:
    """The steps, their exponent and the multiples, all as an encoder could have written them."""
    exponent = int(np.frombuffer(data, dtype="<i2", count=1)[0])
    check_exponent(exponent)
    blocks = _blocks(count)
    halves = np.frombuffer(data, dtype="<f2", offset=2, count=blocks)
    bits = halves.view("<u2")
    wrong = (bits < STEP_MIN_BITS) | (bits >= TOP_BITS)
    if wrong.any():
        raise PayloadRefused(
            f"A payload has a block with the step {halves[wrong][0]}: encoders write 2^-14 and more, below 2^15. "
            "Ask its sender for it again."
        )
    multiples = np.frombuffer(data, dtype=np.int8, offset=2 + 2 * blocks)
    if count and int(multiples.min()) < -STEPS:
        raise PayloadRefused(
            f"A payload has a value {int(multiples.min())} steps from zero: encoders stay within {STEPS}. "
            "Ask its sender for it again."
        )
    return halves, exponent, multiples


def _blocks(count: int) -> int:
    return -(-count // BLOCK)


def _block_peaks(values: Floats) -> Floats:
    """The largest absolute value of every block.

    Numbers without a sign have the order of their bits, a NaN above all; and whole numbers compare three times faster.
    """
    peaks = np.empty(_blocks(values.size), dtype=np.float32)
    scratch = np.empty(min(values.size, CHUNK_VALUES), dtype=np.float32)
    edges = np.arange(0, scratch.size, BLOCK)
    for start in range(0, values.size, CHUNK_VALUES):
        chunk = values[start : start + CHUNK_VALUES]
        sizes = np.abs(chunk, out=scratch[: chunk.size])
        blocks = _blocks(chunk.size)
        found = peaks[start // BLOCK : start // BLOCK + blocks]
        np.maximum.reduceat(sizes.view(np.int32), edges[:blocks], out=found.view(np.int32))
    return peaks


def _rounded_up(steps: Floats) -> npt.NDArray[np.float16]:
    """The steps in half precision, none smaller than it was or than the smallest ordinary number."""
    bits = np.maximum(steps, np.float32(STEP_MIN)).view(np.int32)
    bits += (1 << CUT_BITS) - 1
    bits &= -1 << CUT_BITS
    return bits.view(np.float32).astype(np.float16)


def _steps(halves: npt.NDArray[np.float16], exponent: int) -> Floats:
    return halves.astype(np.float32) * np.float32(2.0**exponent)


def _each_block(source: Floats | npt.NDArray[np.int8], factors: Floats, target: Floats | npt.NDArray[np.int8]) -> None:
    """Multiply every block of `source` with its factor into `target`, rounding where that holds whole numbers."""
    whole = target.dtype == np.int8
    scratch = np.empty(min(source.size, CHUNK_VALUES) if whole else 0, dtype=np.float32)
    for start in range(0, source.size, CHUNK_VALUES):
        chunk = source[start : start + CHUNK_VALUES]
        goal = target[start : start + CHUNK_VALUES]
        products = scratch[: chunk.size] if whole else goal
        products[:] = chunk
        blocks = factors[start // BLOCK : (start + CHUNK_VALUES) // BLOCK]
        products *= np.repeat(blocks, BLOCK)[: chunk.size]
        if whole:
            goal[:] = np.rint(products, out=products)
