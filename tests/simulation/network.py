"""The simulated network: late, lossy, doubling, partitioned in one direction or both."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Weather:
    """How bad the network is at the moment."""

    loss: float = 0.0
    doubling: float = 0.0
    delay_s: float = 0.05
    """Mean; each message draws its own, so messages overtake one another."""


@dataclass(slots=True)
class Network:
    """Carries calls from one place to another, or does not."""

    rng: Random
    later: Callable[..., None]
    weather: Weather = field(default_factory=Weather)
    blocked: set[tuple[str, str]] = field(default_factory=set)
    """Pairs (from, to) between which nothing passes."""

    def carry(self, source: str, target: str, deliver: Callable[..., None], *facts: object) -> None:
        """Deliver at some later time, perhaps twice, perhaps never."""
        if (source, target) in self.blocked:
            return
        weather, rng = self.weather, self.rng
        if weather.loss and rng.random() < weather.loss:
            return
        self.later(0.002 + rng.expovariate(1.0 / weather.delay_s), deliver, *facts)
        if weather.doubling and rng.random() < weather.doubling:
            self.later(0.002 + rng.expovariate(0.5 / weather.delay_s), deliver, *facts)

    def block(self, source: str, target: str) -> None:
        """Cut one direction."""
        self.blocked.add((source, target))

    def heal(self) -> None:
        """Everything passes again."""
        self.blocked.clear()
        self.weather = Weather()
