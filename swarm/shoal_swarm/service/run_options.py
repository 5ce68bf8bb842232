"""The options that spell a run, the same for sentinel and peer."""

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import click

from shoal_base.errors import InputRefused
from shoal_swarm.merge.plan import Combine
from shoal_swarm.service.run_config import own_script_run, synthetic_run, task_in
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.task import SYNC_EVERY
from shoal_swarm.spec.words import NODES_MAX

Function = TypeVar("Function", bound=Callable[..., object])
_A_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMG]?)B?", re.ASCII | re.IGNORECASE)


def run_options(function: Function) -> Function:
    """Add the options that spell a run; the command gets the configuration as `config`, None where nothing spells one.

    --task says everything; --run and the others spell a run of made-up work, or one of nodes' own scripts.
    """

    @wraps(function)
    def with_config(*args: object, **options: Any) -> object:  # noqa: ANN401 - whatever other options there are
        spelled = {name: options.pop(name) for name in _NAMES}
        return function(*args, config=config_of(**spelled), **options)

    wrapped: Callable[..., object] = with_config
    for option in _OPTIONS:
        wrapped = option(wrapped)
    return cast("Function", wrapped)


_OPTIONS: Final = (
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
    click.option("--sync-every", type=int, default=SYNC_EVERY, show_default=True, help="Steps of a round."),
    click.option("--own-script", is_flag=True, help="Take part with what nodes' own scripts train."),
    click.option("--synthetic", help="Take part with made-up adapters of this size, such as 300K or 2M."),
    click.option("--run", help="The run's name; lower-case letters, digits and dashes."),
    click.option("--task", type=_A_FILE, help="Take part in the run of this task."),
)
_NAMES: Final = ("run", "synthetic", "rounds", "min_nodes", "owners_max", "combine", "task", "own_script", "sync_every")


def config_of(
    run: str | None,
    synthetic: str | None,
    rounds: int,
    min_nodes: int,
    owners_max: int = NODES_MAX,
    combine: str = Combine.EXACT,
    task: Path | None = None,
    *,
    own_script: bool = False,
    sync_every: int = SYNC_EVERY,
) -> RunConfig | None:
    """The run that the options spell; all parties must have the same task, or type the same."""
    if task is not None:
        if run is not None or synthetic is not None or own_script:
            raise InputRefused(
                "A task says everything about its run: leave out --run and what goes with it, or --task."
            )
        return RunConfig.of_task(task_in(task))
    if run is None and synthetic is None and not own_script:
        return None
    if run is None or own_script == (synthetic is not None):
        raise InputRefused(
            "A run needs a task, or a name and something to do: give --task FILE, or --run NAME with one of "
            "--synthetic SIZE and --own-script."
        )
    if synthetic is None:
        return own_script_run(run, sync_every, rounds, min_nodes, owners_max, combine)
    return synthetic_run(run, size_of(synthetic), rounds, min_nodes, owners_max, combine)


def size_of(text: str) -> int:
    """Bytes: a number with K, M or G."""
    spelled = _SIZE.fullmatch(text.strip())
    if spelled is None:
        raise InputRefused(f"{text!r} is no size: write a number with K, M or G, such as 300K.")
    return int(float(spelled[1]) * _UNITS[spelled[2].upper()])
