"""What an owner will merge if all goes well: everybody who is expected, each at the weight of its examples.

The cut decides what is merged, and only a merge of exactly its inputs is ever published. But in most rounds everybody
gets into it. So a piece that is here from everybody is merged while other pieces are on their way, and while the
sentinel makes the cut; a merge that turns out to be of other inputs was in vain, and costs nothing but its time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.peer.effects import MergeAhead, MergeShare
from shoal_swarm.protocol.signed import Manifest


@dataclass(slots=True)
class Foresight:
    """The share that is likely to be merged, and which of its pieces nobody was asked to merge yet."""

    _order: MergeShare | None = None
    _ahead: dict[int, tuple[Digest, ...]] = field(default_factory=dict)
    """What each of these pieces is merged of."""

    def is_of(self, manifests: Sequence[Manifest]) -> bool:
        """Whether just these contributions are expected to be merged."""
        return self._order is not None and [one.root for one in self._order.inputs] == [one.root for one in manifests]

    def expect(self, order: MergeShare | None) -> None:
        """Take this for what will be merged; None where too little is known of it."""
        self._order = order
        inputs = () if order is None else order.inputs
        self._ahead = dict(enumerate(zip(*(one.pieces for one in inputs), strict=True)))

    def due(self, is_here: Callable[[Digest], bool]) -> list[MergeAhead]:
        """Have pieces merged that are here from everybody."""
        ready = tuple(offset for offset, inputs in self._ahead.items() if all(map(is_here, inputs)))
        for offset in ready:
            del self._ahead[offset]
        return [MergeAhead(self._order, ready)] if ready and self._order is not None else []

    def clear(self) -> None:
        """The attempt is over."""
        self.expect(None)
