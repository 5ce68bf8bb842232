"""`shoal watch`: the swarm as it moves, until it is over or somebody has seen enough."""

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import sleep

import click

from shoal_base.command import JSON_FLAG, Command, Reply
from shoal_base.home import this_home
from shoal_swarm.protocol.record import Phase
from shoal_swarm.service.cli import sentinels_below, state_option
from shoal_swarm.service.lines import sentinel_lines
from shoal_swarm.service.window import Facts

NOBODY = "No sentinel answers here now."


@click.command("watch", cls=Command)
@state_option
@click.option(
    "--every", "every_s", type=click.FloatRange(0.1, 60.0), default=1.0, show_default=True, help="Seconds a look."
)
def watch(*, state: Path | None, every_s: float) -> Reply:
    """Show the swarm as it moves: members, rounds, and who is waited for; Ctrl-C ends it, and so does the last round.

    A terminal shows the newest look; anywhere else every line is printed when it changes. With --json nothing is
    printed before the end, and then the last look.
    """
    show = _silent if JSON_FLAG in sys.argv else _redraw if sys.stdout.isatty() else _changes()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts it with `&` has it ignored
    sentinels: Sequence[Facts] = ()
    try:
        while True:
            sentinels = sentinels_below(state or this_home().state)
            show([line for facts in sentinels for line in sentinel_lines(facts)] or [NOBODY])
            if sentinels and _is_over(sentinels):
                return Reply(["Every run is over."], {"sentinels": sentinels})
            sleep(every_s)
    except KeyboardInterrupt:
        return Reply(["", "Seen enough; the swarm goes on."], {"sentinels": sentinels})


def _is_over(sentinels: Sequence[Facts]) -> bool:
    runs = [run for facts in sentinels for run in facts["runs"]]
    return bool(runs) and all(run["phase"] == Phase.ENDED.value for run in runs)


def _silent(_lines: Sequence[str]) -> None:
    """A program reads the end."""


def _redraw(lines: Sequence[str]) -> None:
    click.clear()
    click.echo("\n".join(lines))


def _changes() -> Callable[[Sequence[str]], None]:
    """Prints the lines that the look before did not have."""
    before: set[str] = set()

    def show(lines: Sequence[str]) -> None:
        for line in lines:
            if line not in before:
                click.echo(line)
        before.clear()
        before.update(lines)

    return show
