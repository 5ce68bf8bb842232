"""What a person sees while a run goes on: bars in a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from shoal_orchestrator.running.watching import Sight, steps_done


class Show(Protocol):
    """Whatever shows how far a run is."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def update(self, sights: Mapping[str, Sight]) -> None:
        """How far everybody is."""


class Lines:
    """For logs and pipes."""

    def say(self, line: str) -> None:
        """Print it."""
        click.echo(line, err=True)

    def update(self, sights: Mapping[str, Sight]) -> None:
        """Lines say enough."""


class Bars:
    """For a terminal: a bar for each node, and lines above them."""

    def __init__(self, progress: Progress, rounds: int, sync_every: int) -> None:
        self._progress, self._rounds, self._sync_every = progress, rounds, sync_every
        self._tasks: dict[str, TaskID] = {}

    def say(self, line: str) -> None:
        """Print it above the bars."""
        self._progress.console.print(line, markup=False, highlight=False)

    def update(self, sights: Mapping[str, Sight]) -> None:
        """Move the bars."""
        total = self._rounds * self._sync_every
        for node, sight in sights.items():
            if node not in self._tasks:
                self._tasks[node] = self._progress.add_task(node, total=total, told="")
            told = f"round {max(0, sight.applied)} of {self._rounds}"
            told += "" if sight.loss is None else f", loss {sight.loss:.3f}"
            self._progress.update(self._tasks[node], completed=steps_done(sight, self._sync_every, total), told=told)


@contextmanager
def shown(rounds: int, sync_every: int) -> Iterator[Show]:
    """Whichever of the two fits where we write."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    told = TextColumn("{task.fields[told]}")
    with Progress(*columns, told, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress, rounds, sync_every)
