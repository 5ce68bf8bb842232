"""The options that spell a run, the same for sentinel and peer."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import click

from shoal_base.errors import InputRefused
from shoal_swarm.merge.plan import Combine
from shoal_swarm.service.run_config import NODES_MAX, RunConfig

Function = TypeVar("Function", bound=Callable[..., object])
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMG]?)B?", re.ASCII | re.IGNORECASE)


def run_options(function: Function) -> Function:
    """Add --run, --synthetic, --rounds, --min-nodes, --owners-max and --combine."""
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
) -> RunConfig:
    """The run that the options spell; all parties must type the same."""
    if run is None or synthetic is None:
        raise InputRefused("A run needs a name and something to learn: give --run NAME and --synthetic SIZE.")
    return RunConfig.synthetic(run, size_of(synthetic), rounds, min_nodes, owners_max, combine)


def size_of(text: str) -> int:
    """Bytes: a number with K, M or G."""
    spelled = _SIZE.fullmatch(text.strip())
    if spelled is None:
        raise InputRefused(f"{text!r} is no size: write a number with K, M or G, such as 300K.")
    return int(float(spelled[1]) * _UNITS[spelled[2].upper()])
