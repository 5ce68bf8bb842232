"""Seeded time: what happens next, and when."""

import heapq
from collections.abc import Callable


class Clock:
    """Time that passes as fast as it can be told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._sequence = 0

    def later(self, wait_s: float, call: Callable[..., None], *facts: object) -> None:
        """Have something happen after a while."""
        self.at(self.now + wait_s, call, *facts)

    def at(self, moment: float, call: Callable[..., None], *facts: object) -> None:
        """Have something happen at a moment."""
        self._sequence += 1
        heapq.heappush(self._heap, (moment, self._sequence, call, facts))

    def run_until(self, moment: float, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass; stop early when `done`, asked a few times a second, says so."""
        heap = self._heap
        next_check = self.now
        while heap and heap[0][0] <= moment:
            when, _, call, facts = heapq.heappop(heap)
            self.now = when
            self.events += 1
            call(*facts)
            if done is not None and when >= next_check:
                next_check = when + 0.25
                if done():
                    return True
        self.now = moment
        return done is not None and done()
