"""Pieces, and who merges which.

A contribution is an ordered list of pieces. In a round each piece has one owner; owners hold consecutive
stretches of the list, so the record needs three numbers per owner however long the list is. The number of
owners grows with the size (a small adapter is merged fastest by one node) and the stretches carry about
equal cost.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final, TypeVar

import msgspec

from shoal_swarm.protocol.names import NodeName, Value

Item = TypeVar("Item")

OWNER_BYTES: Final = 256 * 1024
"""One more owner for each so many bytes: below this a second owner costs more in messages than it saves."""

PIECES_MAX: Final = 1 << 20
"""More than any model has; whoever claims more wants the sentinel to count them."""


class PieceRun(Value, frozen=True, array_like=True):
    """Consecutive pieces that are alike; a whole model has thousands of pieces but few kinds of them."""

    count: Annotated[int, msgspec.Meta(ge=1, le=PIECES_MAX)]
    piece_bytes: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]
    """What one takes on the wire."""
    cost: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
    """What merging one costs its owner, in any unit: an exact merge's work does not follow from its bytes."""


class Share(Value, frozen=True, array_like=True):
    """The stretch of pieces that one owner merges for all."""

    owner: NodeName
    first: int
    count: int

    def cut_from(self, pieces: Sequence[Item]) -> Sequence[Item]:
        """The part of a whole list that this share covers."""
        return pieces[self.first : self.first + self.count]


def piece_costs(plan: Sequence[PieceRun]) -> Iterator[int]:
    """The cost of every piece, in order."""
    for run in plan:
        for _ in range(run.count):
            yield run.cost


def owner_count(total_bytes: int, pieces: int, nodes: int) -> int:
    """How many owners a round has: one for each 256 KiB, at least one, at most one per node and piece."""
    return max(1, min(total_bytes // OWNER_BYTES, nodes, pieces))


def shares_of(plan: Sequence[PieceRun], nodes: Sequence[NodeName]) -> tuple[Share, ...]:
    """Split the pieces among the first nodes of the list; each gets one stretch, costs as even as pieces allow."""
    costs = list(piece_costs(plan))
    total_bytes = sum(run.count * run.piece_bytes for run in plan)
    owners = nodes[: owner_count(total_bytes, len(costs), len(nodes))]
    total = sum(costs)
    shares: list[Share] = []
    first, spent = 0, 0
    for position, owner in enumerate(owners):
        last_first = len(costs) - (len(owners) - position - 1)
        goal = total * (position + 1) / len(owners)
        end = first
        while end < last_first and (end == first or spent + costs[end] / 2 <= goal or position == len(owners) - 1):
            spent += costs[end]
            end += 1
        shares.append(Share(owner=owner, first=first, count=end - first))
        first = end
    return tuple(shares)
