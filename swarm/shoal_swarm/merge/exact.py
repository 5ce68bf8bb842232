"""The exact merge: the best pair of a given rank for a sum of products, without writing any product out.

Given pairs (B_i, A_i) and coefficients c_i of either sign, wanted is the sum M = Σ c_i B_i A_i, cut to its
r strongest directions. M has as many entries as the model's weight, thousands by thousands, but its rank is
at most R = Σ r_i, and all that matters happens in a core of R by R:

    stack      L = [± √|c_1| B_1 | ... ]      K = [√|c_1| A_1 ; ... ]             M = L K
    factor     L = Q_L R_L                    Kᵀ = Q_K R_K                        Q: orthonormal columns
    core       R_L R_Kᵀ = U S Vᵀ              small singular value decomposition
    result     B = Q_L U √S                   A = √S Vᵀ Q_Kᵀ                      the first r columns and rows

By Eckart and Young nothing of rank r is closer to M, and what is lost is known: the root of the sum of the
squares of the singular values that were cut. Work grows as 4 (rows + columns) R² + 20 R³, memory as
(rows + columns) R.

**Canonical.** Out of all the bases that give the same product, this one is balanced (BᵀB = AAᵀ = S),
ordered by strength, and signed so that in every row of A the entry of largest size is positive. So the
first r' directions of a result are the result for r', directions weigh the same on both sides, which is
what a codec wants, and equal inputs give equal bytes.

**Directions that carry nothing.** Where M has fewer than r directions (as in the first round, when every B
is still zero), a column of B and a row of A that are both zero would never learn again: each one's gradient
is a multiple of the other. So such rows of A are filled with directions of the contributed A's, strongest
first, orthogonal to the kept ones, at the size that rows of A had; their columns of B stay zero and the
product does not change.

**Precision.** All in float64 whatever comes in: numpy's QR knows nothing else, and contributions that differ
little from each other cancel when a coefficient is negative. A singular value below the rounding errors
of the stacked factors is noise and counts as zero.

Equal bytes are promised on one machine and number of threads. Elsewhere the last bits may differ, so one
owner computes a piece, and what the others hold is its bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shoal_swarm.merge.reflections import Matrix, Reflections
from shoal_swarm.merge.refusals import MergeRefused
from shoal_swarm.merge.values import Pair


@dataclass(frozen=True, slots=True)
class Spectrum:
    """How much of the sum there was, and how much of it was cut."""

    norm: float
    """Frobenius norm of the whole sum."""
    lost: float
    """Frobenius norm of what was cut, as a fraction of `norm`."""
    stable_rank: float
    """Sum of squared singular values over the largest squared: how many directions share the work."""
    directions: int
    """How many directions of the sum are more than rounding error."""


def exact_merge(pairs: Sequence[Pair], coefficients: Sequence[float], rank: int) -> tuple[Pair, Spectrum]:
    """The canonical pair of `rank` directions closest to the sum of the products, in float64."""
    left, right = _stacked(pairs, coefficients)
    left_q, right_q = Reflections.of(left), Reflections.of(right)
    u, strengths, vt = _decomposed(left_q.triangle @ right_q.triangle.T)
    noise = _noise(left_q.triangle, right_q.triangle)
    found = int(np.count_nonzero(strengths > noise))
    kept = min(rank, found)
    root = np.sqrt(strengths[:kept])
    v = vt[:kept].T
    b, at = left_q.apply(u[:, :kept] * root), right_q.apply(v * root)
    mass = sum(abs(c) * pair.rank for pair, c in zip(pairs, coefficients, strict=True))
    spare = _spare(right_q, v, rank - kept, mass)
    pair = _signed(np.hstack([b, np.zeros((len(b), rank - kept))]), np.hstack([at, spare]))
    return pair, _spectrum(strengths[:found], kept)


def _stacked(pairs: Sequence[Pair], coefficients: Sequence[float]) -> tuple[Matrix, Matrix]:
    """L and Kᵀ of the theory above."""
    roots = [np.sqrt(abs(c)) for c in coefficients]
    signs = [np.sign(c) for c in coefficients]
    left = [pair.b.astype(np.float64) * (sign * root) for pair, sign, root in zip(pairs, signs, roots, strict=True)]
    right = [pair.a.T.astype(np.float64) * root for pair, root in zip(pairs, roots, strict=True)]
    return np.hstack(left), np.hstack(right)


def _decomposed(core: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """The thin singular value decomposition."""
    try:
        u, strengths, vt = np.linalg.svd(core, full_matrices=False)
    except np.linalg.LinAlgError as error:
        raise MergeRefused(
            f"A core of {core.shape[0]} by {core.shape[1]} has no singular values ({error}): one of the pairs holds a "
            "NaN or an infinity. Admit contributions before merging them."
        ) from error
    return u, strengths, vt


def _noise(left: Matrix, right: Matrix) -> float:
    """What rounding makes of nothing: measured column by column, for a small B may stand beside a large A."""
    sizes = np.linalg.norm(left, axis=0) @ np.linalg.norm(right, axis=0)
    return float(np.finfo(np.float64).eps * (left.shape[0] + right.shape[0]) * sizes)


def _spare(right: Reflections, kept: Matrix, count: int, mass: float) -> Matrix:
    """Columns of Aᵀ for directions that carry nothing: out of the contributed ones, orthogonal to those `kept`.

    `mass` is what the coefficients add up to over all contributed rows; it makes the root of their mean square.

    What is left after the projection holds rounding errors of the projection, which are orthogonal to nothing. So a
    direction counts only where it stands well above them: by half the digits, not by the last one.
    """
    spare = np.zeros((right.rows, count))
    triangle = right.triangle
    if count == 0 or not triangle.any():
        return spare
    rest = triangle - kept @ (kept.T @ triangle)
    u, strengths, _ = _decomposed(rest)
    noise = np.sqrt(np.finfo(np.float64).eps) * np.linalg.norm(triangle)
    usable = min(count, int(np.count_nonzero(strengths > noise)))
    spare[:, :usable] = right.apply(u[:, :usable] * (np.linalg.norm(triangle) / np.sqrt(mass)))
    return spare


def _signed(b: Matrix, at: Matrix) -> Pair:
    """The pair with the largest entry of every row of A made positive."""
    peaks = at[np.argmax(np.abs(at), axis=0), np.arange(at.shape[1])]
    signs = np.where(peaks < 0, -1.0, 1.0)
    return Pair(b * signs, (at * signs).T)


def _spectrum(strengths: Matrix, kept: int) -> Spectrum:
    norm = float(np.linalg.norm(strengths))
    if norm == 0.0:
        return Spectrum(norm=0.0, lost=0.0, stable_rank=0.0, directions=0)
    return Spectrum(
        norm=norm,
        lost=float(np.linalg.norm(strengths[kept:])) / norm,
        stable_rank=float(np.sum((strengths / strengths[0]) ** 2)),
        directions=len(strengths),
    )
