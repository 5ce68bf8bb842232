"""Small merges to try every promise on: any shape, any rank, zero, repeated and dependent factors among them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import settings
from hypothesis import strategies as st

from shoal_swarm.merge import Pair

promise = settings(deadline=None, max_examples=100)
"""How often a promise is tried; without a deadline, for a busy machine is no broken promise."""

Matrix = npt.NDArray[np.float64]
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@dataclass(frozen=True)
class Case:
    """Some pairs that can be merged, and what each one counts."""

    pairs: list[Pair]
    coefficients: list[float]
    rng: np.random.Generator

    @property
    def total(self) -> Matrix:
        """The sum of the products, written out."""
        return sum(c * pair.product() for c, pair in zip(self.coefficients, self.pairs, strict=True))

    @property
    def size(self) -> float:
        """What rounding errors are measured against."""
        return float(
            sum(
                abs(c) * np.linalg.norm(pair.b) * np.linalg.norm(pair.a)
                for c, pair in zip(self.coefficients, self.pairs, strict=True)
            )
        )

    @property
    def rank_sum(self) -> int:
        """A rank at which nothing needs to be cut."""
        return sum(pair.rank for pair in self.pairs)


def _plain(pair: Pair, _rng: np.random.Generator) -> Pair:
    return pair


def _untrained(pair: Pair, _rng: np.random.Generator) -> Pair:
    return Pair(np.zeros_like(pair.b), pair.a)


def _empty(pair: Pair, _rng: np.random.Generator) -> Pair:
    return Pair(np.zeros_like(pair.b), np.zeros_like(pair.a))


def _dependent(pair: Pair, _rng: np.random.Generator) -> Pair:
    return Pair(pair.b, np.repeat(pair.a[:1], pair.rank, axis=0))


def _lopsided(pair: Pair, rng: np.random.Generator) -> Pair:
    factor = 10.0 ** rng.integers(-5, 6)
    return Pair(pair.b * factor, pair.a / factor)


KINDS = [_plain, _untrained, _empty, _dependent, _lopsided]


@st.composite
def cases(draw: st.DrawFn, *, signed: bool = False, one_rank: bool = False, kinds: list[object] | None = None) -> Case:
    """Pairs of one module with coefficients that are positive, or with `signed` of either sign."""
    rng = draw(generators)
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    count = draw(st.integers(1, 7))
    shared = draw(st.integers(1, 4))
    pairs = []
    for _ in range(count):
        rank = shared if one_rank else draw(st.integers(1, 4))
        pair = Pair(rng.standard_normal((rows, rank)), rng.standard_normal((rank, columns)))
        pairs.append(draw(st.sampled_from(kinds or KINDS))(pair, rng))
    if count > 1 and draw(st.booleans()):
        pairs[-1] = pairs[0]
    low = -2.0 if signed else 0.01
    coefficients = [draw(st.floats(low, 2.0, allow_nan=False)) for _ in pairs]
    return Case(pairs, coefficients, rng)


plain_cases = cases(kinds=[_plain], one_rank=True)


def invertible(rng: np.random.Generator, size: int) -> Matrix:
    """A well-conditioned change of basis."""
    return orthogonal(rng, size) * rng.uniform(0.5, 2.0, size) @ orthogonal(rng, size)


def orthogonal(rng: np.random.Generator, size: int) -> Matrix:
    """A rotation, or a rotation and a mirror."""
    return np.linalg.qr(rng.standard_normal((size, size)))[0]


def float32(pair: Pair) -> Pair:
    """The pair as it would travel."""
    return Pair(pair.b.astype(np.float32), pair.a.astype(np.float32))
