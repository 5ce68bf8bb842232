"""Which values may travel, and the power of two that brings a tensor into half precision's best range.

Half precision reaches from 6e-5 to 65504 with eleven bits; trained factors and their steps are often smaller
than that. So whatever is written in half precision is first divided by a power of two, one for the tensor, that
brings the largest number between 2¹⁴ and 2¹⁵. There nothing overflows, and a number has to be 2²⁸ times smaller
than the largest before it loses bits. Powers of two are exact, so decoding and encoding again changes nothing.
"""

import math

from shoal_swarm.merge.limits import MAGNITUDE_MAX
from shoal_swarm.merge.refusals import PayloadRefused

TOP_EXPONENT = 15
TOP_BITS = 0x7800
"""2¹⁵ in half precision: every number that an encoder writes is below it."""

EXPONENT_MIN = -112
"""Of the power of two: even the smallest half-precision number, times it, is exact in float32."""

EXPONENT_MAX = 14
"""Of the power of two: what the largest value that may travel needs."""

_HALF_DIGITS = 1 - 2.0**-12
"""From here on, a fraction rounds up to the next power of two in eleven bits."""


def check_reach(reach: float) -> None:
    """Refuse values whose largest is `reach`, where that cannot travel; a NaN cannot."""
    if not reach < MAGNITUDE_MAX:
        raise PayloadRefused(
            f"A tensor reaches {reach:.3g}: only finite values below {MAGNITUDE_MAX:.3g} travel. Lower the learning "
            "rate or go back to the last commit."
        )


def common_exponent(reach: float, *, rounding_up: bool) -> int:
    """The exponent of the power of two for a tensor whose largest number is `reach`.

    `rounding_up` says how the caller will round to eleven bits: always up, or to the nearest.
    """
    if reach == 0.0:
        return EXPONENT_MIN
    fraction, exponent = math.frexp(reach)
    carried = fraction > 1 - 2.0**-11 if rounding_up else fraction >= _HALF_DIGITS
    return max(EXPONENT_MIN, exponent + carried - TOP_EXPONENT)


def check_exponent(exponent: int) -> None:
    """Refuse an exponent that no encoder writes."""
    if not EXPONENT_MIN <= exponent <= EXPONENT_MAX:
        raise PayloadRefused(
            f"A payload scales by 2 to the {exponent}: encoders write exponents from {EXPONENT_MIN} to {EXPONENT_MAX}. "
            "Ask its sender for it again."
        )
