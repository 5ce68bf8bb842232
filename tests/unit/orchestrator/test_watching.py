"""What a person sees of a run: each round once, when all nodes have measured it, and bars only in a terminal."""

import asyncio
import io
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from shoal_orchestrator.running.show import Bars, Lines, shown
from shoal_orchestrator.running.watching import Sight, Teller, look, steps_done
from shoal_swarm.service.window import window


def test_a_round_is_told_once_and_only_when_all_have_measured_it() -> None:
    teller = Teller(["a", "b"], rounds=3, metric="accuracy")
    assert teller.lines({"a": Sight(merged={0: 0.2, 1: 0.5})}) == []
    said = teller.lines({"a": Sight(merged={2: 0.6}), "b": Sight(merged={0: 0.2, 1: 0.5, 2: 0.6})})
    assert said == [
        "round  1 of 3: accuracy a 0.500  b 0.500",
        "round  2 of 3: accuracy a 0.600  b 0.600",
    ]
    assert teller.lines({"a": Sight(merged={1: 0.5}), "b": Sight(merged={1: 0.5})}) == []


def test_a_node_that_came_back_and_forgot_its_measures_is_not_waited_for_again() -> None:
    teller = Teller(["a"], rounds=2, metric="f1")
    assert len(teller.lines({"a": Sight(merged={1: 0.5})})) == 1
    assert teller.lines({"a": Sight(merged={})}) == []
    assert len(teller.lines({"a": Sight(merged={2: 0.7})})) == 1


def test_a_round_that_a_node_missed_is_told_without_it_and_the_next_ones_follow() -> None:
    teller = Teller(["a", "b"], rounds=4, metric="accuracy")
    assert teller.lines({"a": Sight(merged={1: 0.5, 2: 0.6}), "b": Sight(merged={2: 0.6})}) == [
        "round  1 of 4: accuracy a 0.500  b -",
        "round  2 of 4: accuracy a 0.600  b 0.600",
    ]


def test_nobody_waits_for_a_node_that_is_two_rounds_behind() -> None:
    teller = Teller(["a", "b"], rounds=9, metric="accuracy")
    assert teller.lines({"a": Sight(merged={1: 0.5, 2: 0.6})}) == []
    assert teller.lines({"a": Sight(merged={3: 0.7})}) == ["round  1 of 9: accuracy a 0.500  b -"]
    assert teller.lines({"b": Sight(merged={1: 0.5, 2: 0.6, 3: 0.7})}) == [
        "round  2 of 9: accuracy a 0.600  b 0.600",
        "round  3 of 9: accuracy a 0.700  b 0.700",
    ]


@pytest.mark.parametrize(
    ("sight", "steps"),
    [(Sight(), 0), (Sight(base=0, step=3), 3), (Sight(base=2, step=16), 48), (Sight(base=9, step=99), 160)],
)
def test_bars_move_by_steps(sight: Sight, steps: int) -> None:
    assert steps_done(sight, 16, 160) == steps


async def test_a_window_shows_how_far_a_node_is(tmp_path: Path) -> None:
    measured = [
        {"round": 0, "is_merged": True, "metrics": {"accuracy": 0.2}},
        {"round": 0, "is_merged": False, "metrics": {"accuracy": 0.4}},
        {"round": 1, "is_merged": True, "metrics": {"accuracy": 0.5, "f1": 0.1}},
    ]
    facts = {"applied": 1, "contributor": {"progress": {"base": 1, "step": 7, "loss": 1.5}, "measured": measured}}
    assert look(tmp_path, "accuracy") is None
    async with window(tmp_path, lambda: facts):
        found = await _in_thread(tmp_path)
    assert found == Sight(applied=1, step=7, base=1, loss=1.5, merged={0: 0.2, 1: 0.5})


async def _in_thread(folder: Path) -> Sight | None:
    return await asyncio.to_thread(look, folder, "accuracy")


def test_a_terminal_gets_bars_and_a_log_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=True, width=120)
    with Progress(
        TextColumn("{task.description} {task.completed}/{task.total} {task.fields[told]}"), console=console
    ) as p:
        bars = Bars(p, rounds=10, sync_every=16)
        bars.say("a line that [stays]")
        bars.update({"node-1": Sight(applied=2, base=2, step=8, loss=1.25)})
    assert "a line that [stays]" in seen.getvalue()
    assert "node-1 40/160 round 2 of 10, loss 1.250" in seen.getvalue()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with shown(10, 16) as show:
        assert isinstance(show, Lines)
