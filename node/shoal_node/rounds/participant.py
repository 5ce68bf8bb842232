"""One trainer's part in a swarm, without the Trainer: where it is, what it offers, what it makes of what comes.

    begin  ─► join, and follow what is heard until there are steps to take
    stepped   one step more; says when a sync point is reached
    sync   ─► offer, wait, and follow again

A merged adapter comes in canonical factors. It is turned into the basis that this node's optimizer knows (merge/
alignment.py). Work that comes back unchanged, as it does where only one node contributed, stays in place bit for bit:
so a run of one node is plain training.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, assert_never

import numpy as np
from torch import nn

from shoal_base.logs import get_log
from shoal_node.adapter import Sites
from shoal_node.rounds.exchange import Contribution, Exchange, Fit, Longer, Over, Start, Word
from shoal_swarm.merge import Adapter, Pair, aligned, narrowed

BEFORE_ROUND_ZERO: Final = -1
Measure = Callable[[nn.Module], Mapping[str, float]]


@dataclass(slots=True)
class Place:
    """Where a trainer is; part of its checkpoints."""

    base: int = BEFORE_ROUND_ZERO
    """The COMMIT that it trains from."""
    steps: int = 0
    """Steps since then."""
    wanted: int = 0
    """Steps at which it is at a sync point."""


class Pace(Protocol):
    """How long rounds are."""

    def steps(self, start: Start, done: int, total: int) -> int:
        """Steps to the next sync point, of a trainer that has done so many of all its steps."""


@dataclass(frozen=True, slots=True)
class EverySteps:
    """Sync points at equal distances; a peer may ask for fewer steps, and the last round may be short."""

    sync_every: int

    def steps(self, start: Start, done: int, total: int) -> int:
        """As many as agreed, as long as there are so many."""
        return max(0, min(self.sync_every, start.steps, total - done))


@dataclass(frozen=True, slots=True)
class OverRounds:
    """All steps of a node, divided evenly over the rounds of the run; nodes with more data take more steps."""

    rounds: int

    def steps(self, start: Start, done: int, total: int) -> int:
        """Up to this round's share of the whole; who missed a round catches up."""
        return max(0, total * (start.base + 1) // self.rounds - done)


class Participant:
    """A model with its part in a swarm."""

    def __init__(
        self, model: nn.Module, sites: Sites, exchange: Exchange, pace: Pace, *, examples: int, is_aligned: bool
    ) -> None:
        self._model, self._sites, self._exchange, self._pace = model, sites, exchange, pace
        self._examples, self._is_aligned = examples, is_aligned
        self.place = Place()
        self.over: Over | None = None
        self.measure: Measure | None = None
        self._log = get_log()

    def begin(self, fit: Fit, done: int, total: int) -> None:
        """Join, and go where the swarm is."""
        self._follow(self._exchange.join(fit, self.place.base), done, total)

    def stepped(self, done: int, total: int, loss: float | None) -> bool:
        """A step was taken; whether this is a sync point."""
        self.place.steps += 1
        self._exchange.progress(self.place.base, self.place.steps, self.place.wanted, loss)
        return self.place.steps >= self.place.wanted or done >= total

    def sync(self, done: int, total: int) -> None:
        """Offer, wait, and go on from what comes."""
        self._follow(self._exchanged(), done, total)

    def settle(self) -> None:
        """Be the result of the run, if it is over."""
        if self.over is not None:
            self._sites.write(self.over.merged)

    def _exchanged(self) -> Word:
        metrics = self._measured(self.place.base, is_merged=False) if self.place.steps else {}
        contribution = Contribution(
            base=self.place.base,
            adapter=self._sites.read(),
            examples=self._examples,
            steps=self.place.steps,
            metrics=metrics,
        )
        self._exchange.offer(contribution)
        self._log.info("contribution_offered", base=self.place.base, steps=self.place.steps, **metrics)
        return self._exchange.wait()

    def _follow(self, word: Word, done: int, total: int) -> None:
        """Act on what was heard, until there are steps to take or the run is over."""
        while True:
            match word:
                case Over():
                    self.over = word
                    self.settle()
                    self._measured(word.round, is_merged=True)
                    return
                case Start() if word.base == BEFORE_ROUND_ZERO:
                    word = self._exchanged()
                case Start():
                    if word.base != self.place.base:
                        self._go_to(word, done, total)
                    if self.place.steps < self.place.wanted:
                        return
                    word = self._exchanged()
                case Longer():
                    wanted = min(word.steps, self.place.steps + total - done)
                    if word.base == self.place.base and wanted > self.place.steps:
                        self.place.wanted = wanted
                        return
                    word = self._exchange.wait()
                case _:
                    assert_never(word)

    def _go_to(self, start: Start, done: int, total: int) -> None:
        """Take over a COMMIT and measure it."""
        assert start.start is not None, "only before round 0 there is nothing to start from"
        self._take_over(start.start)
        self.place = Place(start.base, 0, self._pace.steps(start, done, total))
        metrics = self._measured(start.base, is_merged=True)
        self._log.info("round_begun", base=start.base, steps=self.place.wanted, is_last=start.is_last, **metrics)

    def _take_over(self, fresh: Adapter) -> None:
        own = self._sites.read()
        if not same(own, fresh):
            self._sites.write(turned(fresh, own) if self._is_aligned else fresh)

    def _measured(self, round_number: int, *, is_merged: bool) -> dict[str, float]:
        if self.measure is None:
            return {}
        metrics = dict(self.measure(self._model))
        self._exchange.measured(round_number, is_merged=is_merged, metrics=metrics)
        return metrics


def same(one: Adapter, other: Adapter) -> bool:
    """Whether two adapters of one description are equal bit for bit."""
    return all(
        np.array_equal(pair.a, other.pairs[name].a) and np.array_equal(pair.b, other.pairs[name].b)
        for name, pair in one.pairs.items()
    ) and all(np.array_equal(value, other.dense[name]) for name, value in one.dense.items())


def turned(fresh: Adapter, own: Adapter) -> Adapter:
    """The same change in the basis closest to a node's own."""
    pairs: dict[str, Pair] = {}
    for name, pair in fresh.pairs.items():
        value = narrowed(name, aligned(pair, own.pairs[name]))
        assert isinstance(value, Pair), "a pair stays a pair"
        pairs[name] = value
    return Adapter(pairs, fresh.dense)
