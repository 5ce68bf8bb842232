"""The rules of a run's merges, and the one function that applies them to a piece.

    weigh      `mean`: everybody counts by its number of examples
    combine    `exact`: the best pair for the mean of the products; `factor-mean`: the mean of each factor
    dense      `mean`: entry by entry
    codec      how values travel

What does not go together is refused when a plan is made, not when the first round is merged.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, assert_never

from shoal_swarm.merge.admission import admit_array, admit_pair
from shoal_swarm.merge.codec import Codec
from shoal_swarm.merge.exact import Spectrum, exact_merge
from shoal_swarm.merge.limits import CONTRIBUTED_MAX
from shoal_swarm.merge.means import array_mean, factor_mean, shares
from shoal_swarm.merge.pieces import PairPiece, Piece, StretchPiece
from shoal_swarm.merge.refusals import PlanRefused, WeightsRefused
from shoal_swarm.merge.spec import ModuleSpec
from shoal_swarm.merge.values import Array, Pair, Value, narrowed


class Weigh(StrEnum):
    """Who counts how much."""

    MEAN = "mean"


class Combine(StrEnum):
    """How pairs become one pair."""

    EXACT = "exact"
    FACTOR_MEAN = "factor-mean"


class Dense(StrEnum):
    """How dense tensors become one."""

    MEAN = "mean"


Rule = TypeVar("Rule", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The rules of a run."""

    weigh: Weigh = Weigh.MEAN
    combine: Combine = Combine.EXACT
    dense: Dense = Dense.MEAN
    codec: Codec = Codec.INT8
    align: bool | None = None
    """Whether nodes turn a merged pair into their own basis on loading it; unsaid, they do after exact merges."""
    mixed_ranks: bool = False
    """Whether nodes may have fewer directions than the description of the run."""

    def __post_init__(self) -> None:
        if self.combine is Combine.FACTOR_MEAN and self.align:
            raise PlanRefused(
                "combine: factor-mean does not go with align: factors have a mean only while all nodes keep one basis. "
                "Choose combine: exact, or leave align out."
            )
        if self.combine is Combine.FACTOR_MEAN and self.mixed_ranks:
            raise PlanRefused(
                "combine: factor-mean does not go with mixed ranks: factors of different sizes have no mean. "
                "Choose combine: exact, or give all nodes one rank."
            )

    @property
    def aligns(self) -> bool:
        """Whether nodes align, said or unsaid."""
        return self.combine is Combine.EXACT if self.align is None else self.align

    @staticmethod
    def named(
        *,
        weigh: str = "mean",
        combine: str = "exact",
        dense: str = "mean",
        codec: str = "int8",
        align: bool | None = None,
    ) -> "Plan":
        """The plan that a task spells in words."""
        return Plan(
            weigh=_rule(Weigh, "weigh", weigh),
            combine=_rule(Combine, "combine", combine),
            dense=_rule(Dense, "dense", dense),
            codec=_rule(Codec, "codec", codec),
            align=align,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """What became of a piece."""

    value: Value
    spectrum: Spectrum | None
    """What an exact merge found and cut; other rules look at no products."""


def combine(plan: Plan, piece: Piece, values: Mapping[str, Value], weights: Mapping[str, float]) -> Merged:
    """One merged value out of everybody's, in float32; the order of the mappings does not matter.

    What only one node contributed stays as it is, in its own basis: there is nothing to merge.
    """
    if values.keys() != weights.keys():
        odd = sorted(values.keys() ^ weights.keys())
        raise WeightsRefused(
            f"{', '.join(odd)} came to {piece.name} with a value or a weight but not both: a cut names the same "
            "contributors for both."
        )
    parts = _coefficients(plan, weights)
    for name in parts:
        _fits(plan, piece, values[name])
    if len(parts) == 1:
        return Merged(_at_full_rank(piece, values[next(iter(parts))]), None)
    return _combined(plan, piece, [values[name] for name in parts], list(parts.values()))


def _fits(plan: Plan, piece: Piece, value: Value) -> None:
    match piece:
        case PairPiece(module):
            admit_pair(value, module, mixed_ranks=plan.mixed_ranks, below=CONTRIBUTED_MAX)
        case StretchPiece():
            admit_array(piece.name, value, (piece.values,), below=CONTRIBUTED_MAX)
        case _:
            assert_never(piece)


def _at_full_rank(piece: Piece, value: Value) -> Value:
    return value.widened(piece.module.rank) if isinstance(piece, PairPiece) and isinstance(value, Pair) else value


def _coefficients(plan: Plan, weights: Mapping[str, float]) -> dict[str, float]:
    match plan.weigh:
        case Weigh.MEAN:
            return shares(weights)
        case _:
            assert_never(plan.weigh)


def _combined(plan: Plan, piece: Piece, values: Sequence[Value], coefficients: Sequence[float]) -> Merged:
    match piece:
        case PairPiece(module):
            pair, spectrum = _combined_pairs(plan, module, _pairs(values), coefficients)
            return Merged(narrowed(piece.name, pair), spectrum)
        case StretchPiece():
            return Merged(narrowed(piece.name, _combined_arrays(plan, _arrays(values), coefficients)), None)
        case _:
            assert_never(piece)


def _combined_pairs(
    plan: Plan, module: ModuleSpec, pairs: Sequence[Pair], coefficients: Sequence[float]
) -> tuple[Pair, Spectrum | None]:
    match plan.combine:
        case Combine.EXACT:
            return exact_merge(pairs, coefficients, module.rank)
        case Combine.FACTOR_MEAN:
            return factor_mean(pairs, coefficients), None
        case _:
            assert_never(plan.combine)


def _combined_arrays(plan: Plan, arrays: Sequence[Array], coefficients: Sequence[float]) -> Array:
    match plan.dense:
        case Dense.MEAN:
            return array_mean(arrays, coefficients)
        case _:
            assert_never(plan.dense)


def _pairs(values: Sequence[Value]) -> list[Pair]:
    return [value for value in values if isinstance(value, Pair)]


def _arrays(values: Sequence[Value]) -> list[Array]:
    return [value for value in values if not isinstance(value, Pair)]


def _rule(rules: type[Rule], field: str, word: str) -> Rule:
    try:
        return rules(word)
    except ValueError:
        known = [str(rule) for rule in rules]
        near = difflib.get_close_matches(word, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Choose {' or '.join(known)}."
        raise PlanRefused(f"{field}: {word} is no rule of this merge. {hint}") from None
