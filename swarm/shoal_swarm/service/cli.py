"""`shoal status` and `shoal health`: what processes on this machine show through their windows."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from shoal_base.command import Command, Reply
from shoal_base.errors import ProblemsFound, ShoalError, Unavailable
from shoal_base.home import this_home
from shoal_swarm.service.lines import sentinel_lines
from shoal_swarm.service.window import Facts, look_through, windows_below

A_FOLDER = click.Path(path_type=Path, file_okay=False)
state_option = click.option(
    "--state", type=A_FOLDER, help="Where the processes keep their state. Default: SHOAL_HOME/state."
)


@click.command("status", cls=Command)
@state_option
def status(*, state: Path | None) -> Reply:
    """Show the swarm as the sentinel on this machine sees it: members, rounds, and who is waited for."""
    sentinels = sentinels_below(state or this_home().state)
    if not sentinels:
        raise Unavailable(
            f"No sentinel is running with its state in {state or this_home().state}. Ask on the sentinel's machine, or "
            "give --state."
        )
    return Reply([line for facts in sentinels for line in sentinel_lines(facts)], {"sentinels": sentinels})


@click.command("health", cls=Command)
@state_option
def health(*, state: Path | None) -> Reply:
    """Ask every process of ours on this machine how it is; ends with a number other than 0 if one is not well."""
    place = state or this_home().state
    lines: list[str] = []
    problems: list[str] = []
    found: list[Facts] = []
    for facts, problem in _seen(place):
        if facts is None:
            problems.append(str(problem))
            continue
        found.append(facts)
        problems += [f"{facts['identity']}: {sentence}" for sentence in facts["problems"]]
        lines.append(f"{facts['identity']}: {'well' if not facts['problems'] else 'not well'}")
    if not found and not problems:
        raise Unavailable(f"No process of ours has its state in {place}. Start one, or give --state.")
    if problems:
        raise ProblemsFound("Not everything is well:", problems, {"processes": found})
    return Reply(lines, {"processes": found})


def sentinels_below(folder: Path) -> Sequence[Facts]:
    """What the sentinels show that have their state in a folder."""
    return [facts for facts, _ in _seen(folder) if facts is not None and facts["kind"] == "sentinel"]


def _seen(folder: Path) -> Iterable[tuple[Facts | None, ShoalError | None]]:
    for place in windows_below(folder):
        try:
            yield look_through(place), None
        except ShoalError as problem:
            yield None, problem
