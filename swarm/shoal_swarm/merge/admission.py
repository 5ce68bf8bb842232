"""Whether a contribution fits the description of the run; the first misfit is the refusal.

Runs on the node before it freezes a contribution, and on owners before they merge, who take a little more (`limits`).
"""

from collections.abc import Mapping

import numpy as np

from shoal_swarm.merge.limits import TRAINED_MAX, largest
from shoal_swarm.merge.refusals import (
    ContributionRefused,
    DtypeWrong,
    OutOfRange,
    RankWrong,
    ShapeWrong,
    TensorMissing,
    TensorUnknown,
)
from shoal_swarm.merge.spec import AdapterSpec, ModuleSpec
from shoal_swarm.merge.values import Adapter, Array, Pair


def admit(adapter: Adapter, spec: AdapterSpec, *, mixed_ranks: bool = False) -> None:
    """Refuse an adapter that does not fit `spec`; with `mixed_ranks` a pair may have fewer directions."""
    _same_names({module.name for module in spec.modules}, adapter.pairs, "module")
    _same_names({tensor.name for tensor in spec.dense}, adapter.dense, "dense tensor")
    for module in spec.modules:
        admit_pair(adapter.pairs[module.name], module, mixed_ranks=mixed_ranks)
    for tensor in spec.dense:
        admit_array(tensor.name, adapter.dense[tensor.name], tensor.shape)


def admit_pair(pair: object, module: ModuleSpec, *, mixed_ranks: bool = False, below: float = TRAINED_MAX) -> None:
    """Refuse a pair that does not fit its module."""
    if not isinstance(pair, Pair):
        raise DtypeWrong(module.name, f"{module.name} is a {type(pair).__name__}: a module needs a pair of factors.")
    b, a = (_float32(f"{module.name} ({side})", factor) for side, factor in (("B", pair.b), ("A", pair.a)))
    if a.ndim != 2 or b.ndim != 2 or b.shape[1] != a.shape[0]:  # noqa: PLR2004 - two dimensions make a matrix
        raise ShapeWrong(
            module.name,
            f"{module.name} has B of shape {list(b.shape)} and A of shape {list(a.shape)}, which have no product: "
            f"the run has {module.words()}.",
        )
    if (b.shape[0], a.shape[1]) != (module.rows, module.columns):
        raise ShapeWrong(
            module.name,
            f"{module.name} changes a weight of {b.shape[0]} by {a.shape[1]}: the run has {module.words()}. "
            "Train on the base model that the run names.",
        )
    _ranked(module, a.shape[0], mixed_ranks=mixed_ranks)
    _in_range(f"{module.name} (B)", b, below)
    _in_range(f"{module.name} (A)", a, below)


def admit_array(name: str, array: object, shape: tuple[int, ...], *, below: float = TRAINED_MAX) -> None:
    """Refuse a dense tensor, or a stretch of one, that has not this shape, or holds what cannot travel."""
    values = _float32(name, array)
    if values.shape != shape:
        raise ShapeWrong(name, f"{name} has shape {list(values.shape)}: the run has {list(shape)}.")
    _in_range(name, values, below)


def _same_names(wanted: set[str], given: object, what: str) -> None:
    if not isinstance(given, Mapping):
        raise ContributionRefused(what, f"A {type(given).__name__} names no {what}s: a contribution names its tensors.")
    names = set(given)
    for name in sorted(wanted - names):
        raise TensorMissing(name, f"{name} is missing: every {what} of the run must be there, trained or not.")
    for name in sorted(map(str, names - wanted)):
        raise TensorUnknown(name, f"{name} is no {what} of the run: leave it out, or agree on a description with it.")


def _float32(name: str, array: object) -> Array:
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise DtypeWrong(name, f"{name} is {found}: a contribution is float32 arrays. Convert it before it leaves.")
    return array


def _ranked(module: ModuleSpec, rank: int, *, mixed_ranks: bool) -> None:
    if rank > module.rank or rank == 0:
        raise RankWrong(module.name, f"{module.name} has rank {rank}: the run has room for 1 to {module.rank}.")
    if rank < module.rank and not mixed_ranks:
        raise RankWrong(
            module.name,
            f"{module.name} has rank {rank}: all nodes of this run have {module.rank}. A plan with mixed ranks allows "
            "fewer.",
        )


def _in_range(name: str, values: Array, below: float) -> None:
    if not largest(values) < below:
        index = int(np.argmin(np.abs(values) < below))
        where = [int(i) for i in np.unravel_index(index, values.shape)]
        raise OutOfRange(
            name,
            f"{name} holds {values.reshape(-1)[index]} at {where}: values are finite and below {below:.3g}. "
            "Lower the learning rate or go back to the last commit.",
        )
