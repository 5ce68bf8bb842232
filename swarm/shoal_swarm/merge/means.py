"""Weighted means: of numbers of examples, of factors, of dense tensors.

The mean of the factors is not the mean of the changes: B̄ Ā differs from the mean of B_i A_i by how much the
B's and the A's vary together, which is nothing when one side is common and a quarter of the update in a first
round of ordinary training. It is here because it is what most systems do, it needs no linear algebra, and it
is right when one factor is frozen.

Sums run in float64 in the order that the contributions are given in, entry by entry; so a tensor that is merged
in stretches by several owners is, bit for bit, the tensor that one owner would have merged.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from shoal_swarm.merge.limits import CHUNK_VALUES
from shoal_swarm.merge.refusals import WeightsRefused
from shoal_swarm.merge.values import Array, Pair

WEIGHT_MAX = 1 << 53
"""Up to here float64 counts by ones."""

_STEP = CHUNK_VALUES // 2
"""A float64 takes twice the room."""


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Everybody's part of one, by name in order; who weighs nothing is not there."""
    for name, weight in sorted(weights.items()):
        if not 0 <= weight <= WEIGHT_MAX:
            raise WeightsRefused(
                f"{name} has weight {weight!r}: a weight is a number of examples, up to 2^53. Cut the round without it."
            )
    present = {name: float(weight) for name, weight in sorted(weights.items()) if weight > 0}
    if not present:
        raise WeightsRefused(
            f"None of {len(weights)} contributions weighs anything: a mean needs at least one with a weight above 0."
        )
    total = math.fsum(present.values())
    return {name: weight / total for name, weight in present.items()}


def array_mean(arrays: Sequence[Array], coefficients: Sequence[float]) -> npt.NDArray[np.float64]:
    """The weighted sum of arrays of one shape, entry by entry."""
    lies: Literal["F", "C"] = "F" if all(array.flags.f_contiguous for array in arrays) else "C"
    total = np.empty(arrays[0].shape, dtype=np.float64, order=lies)
    flat = total.reshape(-1, order=lies)
    rows = [array.reshape(-1, order=lies) for array in arrays]
    scratch = np.empty(min(flat.size, _STEP), dtype=np.float64)
    for start in range(0, flat.size, _STEP):
        stretch = flat[start : start + _STEP]
        stretch[:] = rows[0][start : start + _STEP]
        stretch *= coefficients[0]
        part = scratch[: stretch.size]
        for row, coefficient in zip(rows[1:], coefficients[1:], strict=True):
            part[:] = row[start : start + _STEP]
            part *= coefficient
            stretch += part
    return total


def factor_mean(pairs: Sequence[Pair], coefficients: Sequence[float]) -> Pair:
    """The pair of the mean factors; all pairs have one rank."""
    return Pair(
        array_mean([pair.b for pair in pairs], coefficients), array_mean([pair.a for pair in pairs], coefficients)
    )
