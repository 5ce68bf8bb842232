"""The bounds that every room of the merge keeps, each with its reason."""

from typing import Any

import numpy as np
import numpy.typing as npt

MAGNITUDE_MAX = float(2.0**28)
"""Larger values do not travel. No trained weight comes near it, and below it every scale that an encoder needs is
an ordinary float32 number, never a subnormal one."""

TRAINED_MAX = float(2.0**16)
"""What a node may bring. Far beyond any trained weight, and far enough below the bound for what travels that a merge
of whatever members bring stays inside it: the balanced factors of an exact merge reach at most the largest entry times
the root of the rank and the fourth root of the weight's size."""

CONTRIBUTED_MAX = 2 * TRAINED_MAX
"""What an owner merges. Twice as much, because encoders round up, and because a change has two ends."""

STRETCH_VALUES_MAX = 1 << 20
"""4 MiB of float32: what a dense tensor is cut into. A multiple of 64, so that stretches and int8 blocks agree."""

CHUNK_VALUES = 1 << 15
"""Values worked on at a time, so that intermediate results stay in a core's own cache (128 KiB of float32)."""


def largest(values: npt.NDArray[np.floating[Any]]) -> float:
    """The largest absolute value, 0 where there is none; a NaN anywhere makes it a NaN."""
    if not values.size:
        return 0.0
    return float(np.maximum(np.max(values), -np.min(values)))
