"""Fetching by hash: from whom to ask for what, and which answers count.

Everything that travels between nodes is named by its digest, so it does not matter who sends it: a wrong
byte has a wrong name. A holder that fails, stalls or lies is followed by the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoal_swarm.protocol.names import Digest, NodeName

Holders = tuple[NodeName, ...]


@dataclass(slots=True)
class Downloads:
    """What is being fetched, and how often each was tried."""

    stall_s: float
    _asked: dict[Digest, tuple[NodeName, float]] = field(default_factory=dict)
    _heard: dict[NodeName, float] = field(default_factory=dict)
    """When each holder last brought something: who still delivers has not stalled, however slow the line is."""
    _tries: dict[Digest, int] = field(default_factory=dict)
    _resting: set[Digest] = field(default_factory=set)
    """Failed since the last tick; asked again then, so that a swarm of failures is no storm."""

    def ask(self, wanted: Mapping[Digest, Holders], now: float) -> dict[NodeName, tuple[Digest, ...]]:
        """What to ask of whom now, so that everything wanted is on its way."""
        asking: dict[NodeName, list[Digest]] = {}
        for digest, holders in wanted.items():
            if digest in self._asked or digest in self._resting or not holders:
                continue
            holder = holders[self._tries.get(digest, 0) % len(holders)]
            self._asked[digest] = (holder, now)
            asking.setdefault(holder, []).append(digest)
        return {holder: tuple(digests) for holder, digests in asking.items()}

    def arrived(self, holder: NodeName, digests: tuple[Digest, ...], now: float) -> tuple[Digest, ...]:
        """Which of the digests of what arrived were asked for, of whomever; whatever else came is thrown away."""
        good = tuple(digest for digest in digests if digest in self._asked or digest in self._tries)
        if good:
            self._heard[holder] = now
        for digest in good:
            self._asked.pop(digest, None)
            self._tries.pop(digest, None)
        return good

    def failed(self, holder: NodeName, digests: tuple[Digest, ...]) -> None:
        """The holder can't help with these."""
        for digest in digests:
            if self._asked.get(digest, ("", 0.0))[0] == holder:
                self._again(digest)

    def tick(self, now: float) -> None:
        """Give up on what stalled; let what failed be asked again."""
        late = now - self.stall_s
        stalled = [
            digest
            for digest, (holder, since) in self._asked.items()
            if since < late and self._heard.get(holder, since) < late
        ]
        for digest in stalled:
            self._again(digest)
        self._resting.clear()

    def forget(self, wanted: Mapping[Digest, Holders]) -> None:
        """Drop all memory of what nobody wants any more."""
        for digest in [digest for digest in self._asked if digest not in wanted]:
            del self._asked[digest]
        for digest in [digest for digest in self._tries if digest not in wanted]:
            del self._tries[digest]

    def _again(self, digest: Digest) -> None:
        del self._asked[digest]
        self._tries[digest] = self._tries.get(digest, 0) + 1
        self._resting.add(digest)
