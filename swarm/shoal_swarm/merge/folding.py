"""Fold work that came too late for its round into the round's result.

A node that was left out trained from `old`, while the others went on to `new`. What it learned is the
difference of its own adapter and `old`; a part of it, smaller the older it is, is added to `new`. For pairs
that is a signed sum of three products, so it is an exact merge, cut back to its rank with the loss reported;
for dense tensors it is an addition.
"""

import math

import numpy as np

from shoal_swarm.merge.exact import Spectrum, exact_merge
from shoal_swarm.merge.means import array_mean
from shoal_swarm.merge.refusals import WeightsRefused
from shoal_swarm.merge.values import Array, Pair


def strength(age: int) -> float:
    """What late work counts: all of it in its own round, and less with the root of the rounds that went by."""
    if age < 0:
        raise WeightsRefused(f"Work cannot be {age} rounds old: its base is newer than what it is folded into.")
    return 1.0 / math.sqrt(1 + age)


def fold_pair(new: Pair, own: Pair, old: Pair, amount: float) -> tuple[Pair, Spectrum]:
    """`new + amount * (own - old)` at the rank of `new`, in float64."""
    return exact_merge([new, own, old], [1.0, amount, -amount], new.rank)


def fold_array(new: Array, own: Array, old: Array, amount: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """`new + amount * (own - old)`, entry by entry."""
    return array_mean([new, own, old], [1.0, amount, -amount])
