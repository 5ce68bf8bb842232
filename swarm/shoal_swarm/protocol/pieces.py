"""Pieces, and who merges which.

A contribution is an ordered list of pieces. In a round each piece has one owner; owners hold consecutive
stretches of the list, so the record needs three numbers per owner however long the list is. The number of
owners grows with the size (a small adapter is merged fastest by one node) and the stretches carry about
equal cost.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from shoal_swarm.protocol.names import NodeName, Value

Item = TypeVar("Item")

OWNER_BYTES: Final = 256 * 1024
"""One more owner for each so many bytes: below this a second owner costs more in messages than it saves."""


class PieceRun(Value, frozen=True):
    """Consecutive pieces of equal size; a whole model has thousands of pieces but few different sizes."""

    count: int
    piece_bytes: int


class Share(Value, frozen=True):
    """The stretch of pieces that one owner merges for all."""

    owner: NodeName
    first: int
    count: int

    def cut_from(self, pieces: Sequence[Item]) -> Sequence[Item]:
        """The part of a whole list that this share covers."""
        return pieces[self.first : self.first + self.count]


def piece_sizes(plan: Sequence[PieceRun]) -> Iterator[int]:
    """The size of every piece, in order."""
    for run in plan:
        for _ in range(run.count):
            yield run.piece_bytes


def owner_count(total_bytes: int, pieces: int, nodes: int) -> int:
    """How many owners a round has: one for each 256 KiB, at least one, at most one per node and piece."""
    return max(1, min(total_bytes // OWNER_BYTES, nodes, pieces))


def shares_of(plan: Sequence[PieceRun], nodes: Sequence[NodeName]) -> tuple[Share, ...]:
    """Split the pieces among the first nodes of the list; each gets one stretch, costs as even as pieces allow."""
    sizes = list(piece_sizes(plan))
    total = sum(sizes)
    owners = nodes[: owner_count(total, len(sizes), len(nodes))]
    shares: list[Share] = []
    first, spent = 0, 0
    for position, owner in enumerate(owners):
        last_first = len(sizes) - (len(owners) - position - 1)
        goal = total * (position + 1) / len(owners)
        end = first
        while end < last_first and (end == first or spent + sizes[end] / 2 <= goal or position == len(owners) - 1):
            spent += sizes[end]
            end += 1
        shares.append(Share(owner=owner, first=first, count=end - first))
        first = end
    return tuple(shares)
