"""Turn a merged pair into the basis that a node's optimizer knows.

The merged pair arrives in canonical form. (B T, T⁻¹ A) is the same change for every invertible T, but training
from it goes another way: the optimizer's averages and the directions it was busy with belong to the node's own
basis. Among the T that keep the conditioning, rotations times one number, this picks the one that brings the
pair closest to the node's own factors: the number balances the two sides the way the node had them, and the
rotation is the orthogonal Procrustes solution for both factors together.

The product does not change beyond rounding. What a node exports is the canonical pair, never an aligned one.
"""

import numpy as np

from shoal_swarm.merge.reflections import Matrix
from shoal_swarm.merge.refusals import RankWrong
from shoal_swarm.merge.values import Pair


def aligned(merged: Pair, own: Pair) -> Pair:
    """`merged` in the basis closest to `own`, in float64."""
    if merged.rank != own.rank:
        raise RankWrong(
            "merged",
            f"The merged pair has rank {merged.rank} and the node's own {own.rank}: take as many leading directions "
            "of the merged pair before aligning it.",
        )
    b, a = merged.b.astype(np.float64), merged.a.astype(np.float64)
    own_b, own_a = own.b.astype(np.float64), own.a.astype(np.float64)
    scale = _balance(b, a, own_b, own_a)
    b, a = b / scale, a * scale
    u, _, vt = np.linalg.svd(_likeness(b.T, own_b.T) + _likeness(a, own_a))
    rotation = u @ vt
    return Pair(b @ rotation, rotation.T @ a)


def _balance(b: Matrix, a: Matrix, own_b: Matrix, own_a: Matrix) -> float:
    """By which number to move weight from B to A, so that both are to each other as they are in `own`."""
    sizes = [float(np.linalg.norm(factor)) for factor in (own_a, b, a, own_b)]
    if 0.0 in sizes:
        return 1.0
    return float(np.sqrt((sizes[0] / sizes[2]) * (sizes[1] / sizes[3])))


def _likeness(rows: Matrix, own_rows: Matrix) -> Matrix:
    """Inner products of the merged directions with the node's own; nothing where the node has none."""
    size = float(np.linalg.norm(own_rows))
    if size == 0.0:
        return np.zeros((len(rows), len(own_rows)))
    return (rows / size) @ (own_rows / size).T
