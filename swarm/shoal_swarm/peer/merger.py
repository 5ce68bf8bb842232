"""Merges of a peer's share, piece by piece in a few threads; what the core foresees is begun ahead of the order.

A piece that was merged ahead is taken only where the order names the very same inputs, weights and base. It is the
same work in any case, so ahead or not, the bytes are the same.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from shoal_swarm.peer.contributing import Contributor
from shoal_swarm.peer.merging import check_lists, merged_piece, problem_in
from shoal_swarm.peer.places import Places
from shoal_swarm.protocol.digests import list_bytes
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer.effects import Examine, MergeShare

Making = tuple[int, Digest | None, frozenset[tuple[NodeName, Digest, float]]]
"""All that a merged piece depends on: which it is, its base, and whose bytes are in it at which weights."""


@dataclass(slots=True)
class Merger:
    """Looks at contributions and merges them."""

    _contributor: Contributor
    _places: Places
    _begun: dict[Making, asyncio.Future[Digest]] = field(default_factory=dict)

    async def problem(self, look: Examine) -> str | None:
        """Why pieces of a contribution can't be merged, in a sentence; None if they can."""
        plan, pieces = self._contributor.plan, self._contributor.pieces
        examine = partial(problem_in, plan, pieces, look, self._places.read)
        return await asyncio.get_running_loop().run_in_executor(self._places.merging, examine)

    def ahead(self, order: MergeShare, offsets: Sequence[int]) -> None:
        """Begin with these pieces of a share that is likely to be ordered."""
        for offset in offsets:
            begun = self._begun[_making(order, offset)] = self._begin(order, offset)
            begun.add_done_callback(_forgiven)

    async def merged(self, order: MergeShare) -> tuple[Digest, ...]:
        """The digests of the merged pieces of a share, which lie in the spool with their list."""
        check_lists(self._contributor.pieces, order)
        ahead, self._begun = self._begun, {}
        offsets = range(len(order.inputs[0].pieces))
        begun = [ahead.get(_making(order, offset)) or self._begin(order, offset) for offset in offsets]
        await asyncio.wait(begun)
        again = [self._begin(order, offset) if begun[offset].exception() else begun[offset] for offset in offsets]
        pieces = tuple(await asyncio.gather(*again))
        put = partial(self._places.spool.put, list_bytes(pieces))
        await asyncio.get_running_loop().run_in_executor(self._places.merging, put)
        return pieces

    def _begin(self, order: MergeShare, offset: int) -> asyncio.Future[Digest]:
        return asyncio.get_running_loop().run_in_executor(self._places.merging, self._merge, order, offset)

    def _merge(self, order: MergeShare, offset: int) -> Digest:
        contributor = self._contributor
        piece = contributor.pieces[order.first + offset]
        return self._places.spool.put(merged_piece(contributor.plan, piece, offset, order, self._places.read))


def _making(order: MergeShare, offset: int) -> Making:
    base = order.base[offset] if order.base else None
    return order.first + offset, base, frozenset((one.node, one.pieces[offset], one.weight) for one in order.inputs)


def _forgiven(begun: asyncio.Future[Digest]) -> None:
    """What did not work ahead is tried once more when it is ordered, and said then."""
    if not begun.cancelled():
        begun.exception()
