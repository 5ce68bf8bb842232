"""How long to wait before trying again: longer each time, at random, and briefly again after a success."""

import random
from dataclasses import dataclass, field

from shoal_swarm.transport.limits import Limits


@dataclass(slots=True)
class Backoff:
    """The pauses of one series of tries."""

    limits: Limits
    _pause_s: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the shortest."""
        self.reset()

    def reset(self) -> None:
        """It worked: the next pause is short again."""
        self._pause_s = self.limits.retry_first_s

    def next_s(self) -> float:
        """The pause before the next try."""
        pause_s, self._pause_s = self._pause_s, min(self.limits.retry_max_s, self._pause_s * 2)
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads dials, guards nothing
