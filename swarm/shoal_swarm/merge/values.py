"""What is merged: adapters, and the tensors they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from shoal_swarm.merge.limits import MAGNITUDE_MAX, largest
from shoal_swarm.merge.refusals import ResultTooLarge

Array: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One module's change to its weight: the product `b @ a`, with LoRA's scaling already folded into `b`.

    Any invertible T turns (b, a) into (b T, T⁻¹ a), the same change written in another basis. Nothing in
    this package may depend on the basis unless it says so.
    """

    b: Array
    """Rows of the module times rank."""
    a: Array
    """Rank times columns of the module."""

    @property
    def rank(self) -> int:
        """How many directions the change has room for."""
        return int(self.a.shape[0])

    def product(self) -> Array:
        """The change itself, as large as the module's weight: for small modules and for tests."""
        return self.b @ self.a

    def leading(self, rank: int) -> "Pair":
        """The first `rank` directions: of a canonical pair, the best that many directions can do."""
        return Pair(self.b[:, :rank], self.a[:rank])

    def widened(self, rank: int) -> "Pair":
        """The same change with room for `rank` directions; the new ones are zero on both sides."""
        spare = rank - self.rank
        if spare == 0:
            return self
        return Pair(np.pad(self.b, ((0, 0), (0, spare))), np.pad(self.a, ((0, spare), (0, 0))))


Value: TypeAlias = Pair | Array
"""What one piece holds: a pair, or a flat stretch of a dense tensor."""


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """All that a node trains: a pair for every module, and the dense tensors that are trained whole."""

    pairs: Mapping[str, Pair]
    dense: Mapping[str, Array]


def narrowed(name: str, value: Value) -> Value:
    """`value` in float32, in which everything travels and rests; refused where it is too large to travel."""
    match value:
        case Pair(b, a):
            return Pair(_float32(f"{name} (B)", b), _float32(f"{name} (A)", a))
        case _:
            return _float32(name, value)


def _float32(name: str, array: Array) -> npt.NDArray[np.float32]:
    reach = largest(array)
    if not reach < MAGNITUDE_MAX:
        raise ResultTooLarge(
            f"The merged {name} reaches {reach:.3g}, more than the {MAGNITUDE_MAX:.3g} that may travel: one of its "
            "contributions has diverged. Cut the round without it."
        )
    return array.astype(np.float32)
