"""All that a trainer knows of a swarm: what it may say, and what it hears.

    exchange.join(fit, base)     who I am, what I train, where I am
    exchange.offer(contribution) my adapter at a sync point
    exchange.wait()              ─► Start: go on from here; Longer: train on a little; Over: this is the result

A trainer that starts again joins again and hears what is true now: the same Start as before its crash, or a newer one.
An exchange takes the same contribution twice without harm.
"""

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from shoal_swarm.merge import Adapter, AdapterSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What nodes must have in common, and what is this node's own."""

    adapter: AdapterSpec
    base_model: bytes
    tokenizer: bytes
    labels: bytes
    examples: int
    """How many examples this node trains on; what its contributions weigh."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contribution:
    """A node's adapter at a sync point."""

    base: int
    """The round whose COMMIT it was trained from; -1 for the adapter that everybody starts from."""
    adapter: Adapter
    examples: int
    steps: int
    """Steps since that COMMIT."""
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """Train from the COMMIT of round `base`; from -1: offer the first adapter at once."""

    base: int
    steps: int
    is_last: bool
    """Whether the next contribution goes into the last round."""
    merged: Adapter | None
    """The COMMIT itself, the same on every node; none before round 0."""
    start: Adapter | None
    """What to train from: the COMMIT, with this node's own late work folded in where it has some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Longer:
    """Nobody decides at present: go on to so many steps since the COMMIT, and offer again."""

    base: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Over:
    """The run is over."""

    round: int
    merged: Adapter
    """The last COMMIT: the result, in canonical factors."""
    ledger: bytes
    """The decisions that made it, as lines of JSON."""


Word: TypeAlias = Start | Longer | Over


class Exchange(Protocol):
    """The swarm, as a trainer sees it."""

    def join(self, fit: Fit, base: int) -> Word:
        """Introduce this trainer, which comes from the COMMIT of round `base`; what it has to do."""

    def offer(self, contribution: Contribution) -> None:
        """Hand in an adapter; an earlier one from the same base counts no more, unless it has been taken."""

    def wait(self) -> Word:
        """What comes next; waits as long as it takes."""

    def progress(self, base: int, step: int, steps: int, loss: float | None) -> None:
        """How far this trainer is, for people; may be lost."""

    def measured(self, round_number: int, *, is_merged: bool, metrics: dict[str, float]) -> None:
        """Held-out metrics of the adapter of a round: the merged one, or this node's own on top of it.

        What was measured before a restart is said again before joining.
        """

    def done(self) -> None:
        """The result is written."""
