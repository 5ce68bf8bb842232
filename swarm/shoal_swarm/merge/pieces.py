"""What is merged at once, and what it costs.

An adapter is cut into pieces in one order that follows from its description: every module's pair, by name, then
every dense tensor, by name, in stretches of at most 4 MiB. No piece needs another one to be merged, so any
division of pieces among owners gives the same adapter. Who owns what, and the root that names a contribution, are
the protocol's business (`protocol/pieces.py`); it gets the costs from here.

    plan_pieces(spec)          the pieces
    cut(adapter, spec)         an adapter's values, piece by piece           join: the way back
    piece_bytes, merge_cost    what a piece weighs on the wire and on its owner
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import numpy as np

from shoal_swarm.merge.codec import Codec, encoded_bytes
from shoal_swarm.merge.limits import STRETCH_VALUES_MAX
from shoal_swarm.merge.spec import AdapterSpec, DenseSpec, ModuleSpec
from shoal_swarm.merge.values import Adapter, Pair, Value


@dataclass(frozen=True, slots=True)
class PairPiece:
    """One module's pair."""

    module: ModuleSpec

    @property
    def name(self) -> str:
        """The module's name."""
        return self.module.name

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return (self.module.rows + self.module.columns) * self.module.rank


@dataclass(frozen=True, slots=True)
class StretchPiece:
    """The entries `start` up to `end` of a dense tensor, as they lie in memory."""

    tensor: DenseSpec
    start: int
    end: int

    @property
    def name(self) -> str:
        """The tensor's name, and where the stretch lies in it."""
        return f"{self.tensor.name}[{self.start}:{self.end}]"

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return self.end - self.start


Piece: TypeAlias = PairPiece | StretchPiece


def plan_pieces(spec: AdapterSpec) -> tuple[Piece, ...]:
    """The pieces of every adapter of this description, in their one order."""
    stretches = (
        StretchPiece(tensor, start, min(start + STRETCH_VALUES_MAX, size))
        for tensor, size in ((tensor, math.prod(tensor.shape)) for tensor in spec.dense)
        for start in range(0, size, STRETCH_VALUES_MAX)
    )
    return (*map(PairPiece, spec.modules), *stretches)


def cut(adapter: Adapter, spec: AdapterSpec) -> list[Value]:
    """The values of an admitted adapter, piece by piece; pairs of a lower rank are filled up with zeros."""
    return [_part(adapter, piece) for piece in plan_pieces(spec)]


def _part(adapter: Adapter, piece: Piece) -> Value:
    match piece:
        case PairPiece(module):
            return adapter.pairs[module.name].widened(module.rank)
        case StretchPiece(tensor, start, end):
            return adapter.dense[tensor.name].reshape(-1)[start:end]
        case _:
            assert_never(piece)


def join(values: Iterable[Value], spec: AdapterSpec) -> Adapter:
    """The adapter whose pieces these are, in their order."""
    pairs: dict[str, Pair] = {}
    stretches: dict[str, list[np.ndarray]] = {tensor.name: [] for tensor in spec.dense}
    for piece, value in zip(plan_pieces(spec), values, strict=True):
        match piece, value:
            case PairPiece(module), Pair():
                pairs[module.name] = value
            case StretchPiece(tensor), np.ndarray():
                stretches[tensor.name].append(value)
            case _:
                raise AssertionError(f"{piece.name} came with a {type(value).__name__}")
    shapes = {tensor.name: tensor.shape for tensor in spec.dense}
    return Adapter(pairs, {name: np.concatenate(parts).reshape(shapes[name]) for name, parts in stretches.items()})


def piece_bytes(piece: Piece, codec: Codec) -> int:
    """What a piece takes on the wire, exactly."""
    match piece:
        case PairPiece(module):
            return encoded_bytes(codec, module.rows * module.rank) + encoded_bytes(codec, module.columns * module.rank)
        case StretchPiece():
            return encoded_bytes(codec, piece.values)
        case _:
            assert_never(piece)


VALUE_NS = 3.0
"""To decode one contributed number and to add it up, as measured by tests/benchmarks/merge_core.py."""

FLOP_NS = 0.1
"""One step of the exact merge's linear algebra, likewise. Only the ratio of the two matters."""


def merge_cost(piece: Piece, contributors: int, *, exact: bool) -> float:
    """How long an owner's core is busy with a piece, in nanoseconds: near enough to balance owners by."""
    moving = VALUE_NS * piece.values * contributors
    match piece:
        case PairPiece(module) if exact:
            stacked = module.rank * contributors
            core = min(stacked, module.rows, module.columns)
            return moving + FLOP_NS * (4 * (module.rows + module.columns) * stacked * core + 20 * core**3)
        case _:
            return moving
