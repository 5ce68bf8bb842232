"""The options that spell a run, the same for sentinel and peer."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from shoal_base.errors import InputRefused
from shoal_swarm.merge.plan import Combine
from shoal_swarm.service.run_config import synthetic_run, task_in
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.words import NODES_MAX

Function = TypeVar("Function", bound=Callable[..., object])
_A_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMG]?)B?", re.ASCII | re.IGNORECASE)


def run_options(function: Function) -> Function:
    """Add --task, and what spells a run of made-up work: --run, --synthetic, --rounds and the like."""
    for option in (
        click.option(
            "--combine",
            type=click.Choice([one.value for one in Combine]),
            default=Combine.EXACT.value,
            help="How LoRA pairs become one pair.",
        ),
        click.option(
            "--owners-max", type=int, default=NODES_MAX, help="Split merging among at most so many nodes; 1 is a star."
        ),
        click.option("--min-nodes", type=int, default=2, show_default=True, help="Fewest contributors to a round."),
        click.option("--rounds", type=int, default=3, show_default=True, help="Rounds of work after round 0."),
        click.option("--synthetic", help="Take part with made-up adapters of this size, such as 300K or 2M."),
        click.option("--run", help="The run's name; lower-case letters, digits and dashes."),
        click.option("--task", type=_A_FILE, help="Take part in the run of this task."),
    ):
        function = option(function)
    return function


def config_of(
    run: str | None,
    synthetic: str | None,
    rounds: int,
    min_nodes: int,
    owners_max: int = NODES_MAX,
    combine: str = Combine.EXACT,
    task: Path | None = None,
) -> RunConfig:
    """The run that the options spell; all parties must have the same task, or type the same."""
    if task is not None:
        if run is not None or synthetic is not None:
            raise InputRefused("A task says everything about its run: leave out --run and --synthetic, or --task.")
        return RunConfig.of_task(task_in(task))
    if run is None or synthetic is None:
        raise InputRefused(
            "A run needs a task, or a name and made-up work: give --task FILE, or --run NAME and --synthetic SIZE."
        )
    return synthetic_run(run, size_of(synthetic), rounds, min_nodes, owners_max, combine)


def size_of(text: str) -> int:
    """Bytes: a number with K, M or G."""
    spelled = _SIZE.fullmatch(text.strip())
    if spelled is None:
        raise InputRefused(f"{text!r} is no size: write a number with K, M or G, such as 300K.")
    return int(float(spelled[1]) * _UNITS[spelled[2].upper()])
