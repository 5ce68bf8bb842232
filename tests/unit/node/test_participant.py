"""A trainer follows what it hears: offers, goes on from what came, trains longer if asked, and ends as the result."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from peft import PeftModel
from torch import nn

from shoal_node.adapter import Sites
from shoal_node.rounds.exchange import Contribution, Fit, Longer, Over, Start, Word
from shoal_node.rounds.participant import EverySteps, OverRounds, Pace, Participant, same
from shoal_swarm.merge import Adapter, Pair
from tests.unit.node.small_models import adapted, bert

EVERY, TOTAL = 4, 10


@dataclass
class Told:
    """A swarm that says what it was told to say, and remembers what it heard."""

    words: Iterator[Word]
    offered: list[Contribution] = field(default_factory=list)
    measures: list[tuple[int, bool]] = field(default_factory=list)
    joined_from: int | None = None

    def join(self, fit: Fit, base: int) -> Word:
        """The first word."""
        del fit
        self.joined_from = base
        return next(self.words)

    def offer(self, contribution: Contribution) -> None:
        """Remember it."""
        self.offered.append(contribution)

    def wait(self) -> Word:
        """The next word."""
        return next(self.words)

    def progress(self, base: int, step: int, steps: int, loss: float | None) -> None:
        """Nobody looks."""

    def measured(self, round_number: int, *, is_merged: bool, metrics: dict[str, float]) -> None:
        """Remember it."""
        del metrics
        self.measures.append((round_number, is_merged))

    def done(self) -> None:
        """Nobody waits."""


@pytest.fixture
def model() -> PeftModel:
    """What is trained."""
    return adapted(bert())


def _adapter(seed: int) -> Adapter:
    return Sites.of(adapted(bert(), seed=seed)).read()


def _start(base: int, steps: int = EVERY, merged: Adapter | None = None, start: Adapter | None = None) -> Start:
    merged = merged or _adapter(seed=10 + base)
    return Start(base=base, steps=steps, is_last=False, merged=merged, start=start or merged)


def _over(round_number: int, merged: Adapter) -> Over:
    return Over(round=round_number, merged=merged, ledger=b"")


BEGIN = Start(base=-1, steps=0, is_last=False, merged=None, start=None)


def _joined(
    model: PeftModel, *words: Word, pace: Pace | None = None, is_aligned: bool = False, done: int = 0
) -> tuple[Participant, Told]:
    told, sites = Told(iter(words)), Sites.of(model)
    part = Participant(model, sites, told, pace or EverySteps(EVERY), examples=40, is_aligned=is_aligned)
    part.measure = _measure
    part.begin(Fit(adapter=sites.spec, base_model=b"", tokenizer=b"", labels=b"", examples=40), done, TOTAL)
    return part, told


def _measure(_model: nn.Module) -> Mapping[str, float]:
    return {"accuracy": 0.5}


def test_the_first_adapter_is_offered_at_once_and_the_first_commit_is_gone_on_from(model: PeftModel) -> None:
    own, first = Sites.of(model).read(), _adapter(seed=5)
    part, told = _joined(model, BEGIN, _start(0, merged=first))
    assert [(one.base, one.steps, one.examples) for one in told.offered] == [(-1, 0, 40)]
    assert same(told.offered[0].adapter, own)
    assert (part.place.base, part.place.steps, part.place.wanted) == (0, 0, EVERY)
    assert np.allclose(_products(Sites.of(model).read()), _products(first), atol=1e-6)
    assert told.measures == [(0, True)]


def test_it_stops_at_the_sync_point_and_measures_its_own_work_before_the_merge(model: PeftModel) -> None:
    part, told = _joined(model, _start(0), _start(1))
    assert [part.stepped(step, TOTAL, None) for step in range(1, EVERY + 1)] == [False] * (EVERY - 1) + [True]
    part.sync(EVERY, TOTAL)
    assert [(one.base, one.steps, one.metrics) for one in told.offered] == [(0, EVERY, {"accuracy": 0.5})]
    assert told.measures == [(0, True), (0, False), (1, True)]
    assert (part.place.base, part.place.steps) == (1, 0)


def test_late_work_that_was_folded_in_is_what_it_goes_on_from(model: PeftModel) -> None:
    merged, folded = _adapter(seed=5), _adapter(seed=6)
    _joined(model, _start(0, merged=merged, start=folded))
    assert np.allclose(_products(Sites.of(model).read()), _products(folded), atol=1e-6)


def test_without_a_sentinel_it_trains_on_and_offers_all_its_work_again(model: PeftModel) -> None:
    part, told = _joined(model, _start(0), Longer(base=0, steps=6), _start(1))
    for step in range(1, EVERY + 1):
        part.stepped(step, TOTAL, None)
    before = Sites.of(model).read()
    part.sync(EVERY, TOTAL)
    assert same(before, Sites.of(model).read()), "nothing came, so nothing changed"
    assert (part.place.base, part.place.steps, part.place.wanted) == (0, EVERY, 6)
    assert [part.stepped(step, TOTAL, None) for step in (5, 6)] == [False, True]
    part.sync(6, TOTAL)
    assert [one.steps for one in told.offered] == [EVERY, 6]
    assert part.place.base == 1


@pytest.mark.parametrize(
    "deaf",
    [Longer(base=7, steps=9), Longer(base=0, steps=EVERY), Longer(base=0, steps=1)],
    ids=["of another round", "no further than here", "behind here"],
)
def test_a_word_that_asks_for_nothing_new_is_passed_over(deaf: Longer, model: PeftModel) -> None:
    part, _ = _joined(model, _start(0), deaf, _start(1))
    for step in range(1, EVERY + 1):
        part.stepped(step, TOTAL, None)
    part.sync(EVERY, TOTAL)
    assert (part.place.base, part.place.steps) == (1, 0)


def test_it_never_trains_longer_than_its_steps_last(model: PeftModel) -> None:
    part, told = _joined(model, _start(0), Longer(base=0, steps=9), _start(1), _start(2), _over(3, _adapter(5)), done=7)
    assert part.place.wanted == 3
    for step in (8, 9, 10):
        assert part.stepped(step, TOTAL, None) == (step == TOTAL)
    part.sync(TOTAL, TOTAL)
    assert [(one.base, one.steps) for one in told.offered] == [(0, 3), (1, 0), (2, 0)], (
        "who is through offers what it has"
    )
    assert part.over is not None


def test_in_the_end_it_is_the_result(model: PeftModel) -> None:
    merged = _adapter(seed=5)
    part, told = _joined(model, _over(3, merged))
    assert part.over is not None
    assert part.over.round == 3
    assert np.allclose(_products(Sites.of(model).read()), _products(merged), atol=1e-6)
    assert told.measures == [(3, True)]
    Sites.of(model).write(_adapter(seed=6))
    part.settle()
    assert np.allclose(_products(Sites.of(model).read()), _products(merged), atol=1e-6)


def test_what_it_hears_again_changes_nothing(model: PeftModel) -> None:
    part, told = _joined(model, _start(0), _start(0), _start(1))
    part.stepped(1, TOTAL, None)
    for step in (2, 3, 4):
        part.stepped(step, TOTAL, None)
    worked = Sites.of(model).read()
    part.sync(EVERY, TOTAL)
    assert [(one.base, one.steps) for one in told.offered] == [(0, EVERY)] * 2, "it was not heard, so it offers again"
    assert same(told.offered[1].adapter, worked)
    assert part.place.base == 1
    assert not same(worked, Sites.of(model).read())


def test_a_merged_adapter_is_turned_into_the_basis_that_the_optimizer_knows(model: PeftModel) -> None:
    own = Sites.of(model).read()
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0].astype(np.float32)
    elsewhere = Adapter({name: Pair(one.b @ turn.T, turn @ one.a) for name, one in own.pairs.items()}, own.dense)
    for is_aligned in (True, False):
        Sites.of(model).write(own)
        _joined(model, _start(0, merged=elsewhere), is_aligned=is_aligned)
        now = Sites.of(model).read()
        assert np.allclose(_products(now), _products(own), atol=1e-5)
        near = all(np.allclose(one.a, own.pairs[name].a, atol=1e-5) for name, one in now.pairs.items())
        assert near == is_aligned


@pytest.mark.parametrize(("rounds", "total"), [(3, 10), (5, 3), (1, 7), (4, 4)])
def test_all_steps_are_taken_over_the_rounds(rounds: int, total: int) -> None:
    done = 0
    for base in range(rounds):
        done += OverRounds(rounds).steps(_start(base), done, total)
    assert done == total


def test_who_missed_rounds_catches_up() -> None:
    assert OverRounds(5).steps(_start(3), done=2, total=10) == 6
    assert OverRounds(5).steps(_start(1), done=9, total=10) == 0
    assert EverySteps(4).steps(_start(0, steps=2), done=0, total=10) == 2
    assert EverySteps(4).steps(_start(0, steps=8), done=9, total=10) == 1


def _products(adapter: Adapter) -> np.ndarray:
    return np.concatenate([(pair.b @ pair.a).ravel() for _, pair in sorted(adapter.pairs.items())])
