"""The options that stand for a task and a profile nobody has written, the same for `init` and `run`."""

from collections.abc import Callable
from typing import TypeVar

import click

from shoal_orchestrator.planning.defaults import Choices

Function = TypeVar("Function", bound=Callable[..., object])
_USUAL = Choices()


def choice_options(function: Function) -> Function:
    """Add --nodes, --rounds and --seed."""
    for option in (
        click.option("--seed", type=click.IntRange(0, (1 << 31) - 1), help=f"Where chance begins. [{_USUAL.seed}]"),
        click.option("--rounds", type=click.IntRange(1, 10_000), help=f"How often they meet. [{_USUAL.rounds}]"),
        click.option("--nodes", type=click.IntRange(1, 64), help=f"How many nodes. [{_USUAL.nodes}]"),
    ):
        function = option(function)
    return function


def choices_of(**chosen: object) -> Choices:
    """What was chosen; the rest as usual."""
    return Choices(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
