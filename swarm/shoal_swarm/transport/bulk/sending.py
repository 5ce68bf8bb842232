"""One outgoing transfer: which lists and chunks follow from a grant. Pure."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from shoal_swarm.protocol.messages import HASHES_PER_LIST, Announce, Chunk, Grant, Hashes, Level
from shoal_swarm.transport.bulk.tree import Description
from shoal_swarm.transport.reasons import LinkRefused, Reason

GRANT_CHUNKS_MAX: Final = 1024
"""What is said for one grant is listed at once, so a receiver must not ask for a terabyte in one word."""

Say: TypeAlias = Hashes | Chunk
"""A chunk's bytes are read when it is its turn."""


@dataclass(slots=True)
class Sending:
    """What has been sent of one content, and what may be."""

    number: int
    description: Description
    about: str
    _next: int | None = field(init=False, default=None)
    _until: int = field(init=False, default=0)

    @property
    def announcement(self) -> Announce:
        """How it begins."""
        what = self.description
        return Announce(transfer=self.number, content=what.content, size=what.size, root=what.root)

    @property
    def travels_inside(self) -> bool:
        """Whether the announcement carries the whole content."""
        return self.description.chunks <= 1

    def granted(self, grant: Grant) -> list[Say]:
        """What to say now, in this order."""
        begins = self._next is None
        position = grant.first if self._next is None else self._next
        too_far = grant.until - position > GRANT_CHUNKS_MAX
        if too_far or not (
            self._until <= grant.until <= self.description.chunks and grant.first <= position < grant.until
        ):
            raise LinkRefused(Reason.OUT_OF_TURN, self.about, f"a grant of {grant.first} to {grant.until}")
        says: list[Say] = []
        if begins:
            says.append(Hashes(transfer=self.number, level=Level.TOP, group=0, hashes=self.description.top))
        for index in range(position, grant.until):
            if begins or index % HASHES_PER_LIST == 0:
                says.append(self._group(index // HASHES_PER_LIST))
                begins = False
            says.append(Chunk(transfer=self.number, index=index))
        self._next = self._until = grant.until
        return says

    def _group(self, group: int) -> Hashes:
        hashes = self.description.group(group)
        return Hashes(transfer=self.number, level=Level.CHUNKS, group=group, hashes=hashes)
