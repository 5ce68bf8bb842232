"""Divide a data set among nodes: evenly, by chance with a skew, or by what the data say. Pure; chance is an argument.

    iid          shuffled and dealt out
    stratified   dealt out label by label, so that all nodes have the same mix
    dirichlet    every label is divided by shares drawn from Dirichlet(alpha): the smaller alpha, the stronger the skew
    column       all rows with one value of a column go to one node
    sizes        shuffled, and cut by given proportions

Every row goes to exactly one node, and a node without any is refused: it could not train.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from shoal_base.errors import InputRefused

Parts = list[list[int]]
"""Row numbers of each node, in the order of the file."""
DRAWS_MAX: Final = 100


def iid(chance: np.random.Generator, rows: int, nodes: int) -> Parts:
    """Shuffled and dealt out."""
    return _checked([list(part) for part in np.array_split(chance.permutation(rows), nodes)])


def stratified(chance: np.random.Generator, labels: Sequence[str], nodes: int) -> Parts:
    """Every label shuffled and dealt out; each begins with the node where the one before ended."""
    parts: Parts = [[] for _ in range(nodes)]
    turn = 0
    for rows in _rows_by_value(labels).values():
        for row in chance.permutation(rows):
            parts[turn % nodes].append(int(row))
            turn += 1
    return _checked(parts)


def dirichlet(chance: np.random.Generator, labels: Sequence[str], nodes: int, alpha: float) -> Parts:
    """Every label divided by its own drawn shares; drawn again while somebody would get nothing."""
    if not 0 < alpha < np.inf:
        raise InputRefused(f"--alpha {alpha} is refused: it is a number above 0, such as 0.3.")
    for _ in range(DRAWS_MAX):
        parts: Parts = [[] for _ in range(nodes)]
        for rows in _rows_by_value(labels).values():
            shares = chance.dirichlet(np.full(nodes, alpha))
            for part, mine in zip(parts, _cut(chance.permutation(rows), shares), strict=True):
                part.extend(mine)
        if all(parts):
            return _checked(parts)
    raise InputRefused(
        f"--alpha {alpha} left a node of {nodes} without any of {len(labels)} rows, {DRAWS_MAX} times over. Raise it, "
        "or have fewer nodes."
    )


def by_column(values: Sequence[str], nodes: int) -> Parts:
    """All rows of one value to one node: the largest value first, always to whoever has least."""
    parts: Parts = [[] for _ in range(nodes)]
    groups = sorted(_rows_by_value(values).items(), key=lambda group: (-len(group[1]), group[0]))
    for _, rows in groups:
        min(parts, key=len).extend(rows)
    return _checked(parts)


def by_sizes(chance: np.random.Generator, rows: int, sizes: Sequence[float]) -> Parts:
    """Shuffled, and cut in these proportions."""
    if not sizes or min(sizes) <= 0:
        raise InputRefused(f"--sizes {','.join(map(str, sizes))} are refused: each is a number above 0, such as 3,2,1.")
    return _checked(_cut(chance.permutation(rows), np.array(sizes) / np.sum(sizes)))


def _rows_by_value(values: Sequence[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        groups.setdefault(value, []).append(row)
    return dict(sorted(groups.items()))


def _cut(
    rows: np.ndarray[tuple[int], np.dtype[np.int64]], shares: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Parts:
    ends = np.rint(np.cumsum(shares)[:-1] * len(rows)).astype(int)
    return [[int(row) for row in part] for part in np.split(rows, ends)]


def _checked(parts: Parts) -> Parts:
    empty = [str(number + 1) for number, part in enumerate(parts) if not part]
    if empty:
        raise InputRefused(
            f"Node {', '.join(empty)} of {len(parts)} would get no rows and could not train. Have fewer."
        )
    return [sorted(int(row) for row in part) for part in parts]
