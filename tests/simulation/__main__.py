"""`python -m tests.simulation --seed N --story` replays a seed; `--seeds A:B` runs a range and prints its speed."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable

import click

from tests.simulation.seeds import plan_of, run_core, run_patience, run_poison, run_seed

WORLDS: dict[str, Callable[..., object]] = {
    "trouble": run_seed,
    "core": run_core,
    "patience": run_patience,
    "poison": run_poison,
}
"""What a seed can stand for: any trouble, a core that stays alone, sentinels that crash, work that can't be merged."""


def replay(world: str, seed: int, *, story: bool = False, is_quiet: bool = False) -> bool:
    """Run one seed and say how it went; quietly, only a failure is worth a line."""
    try:
        outcome = WORLDS[world](seed, story=story)
    except Exception as problem:  # noqa: BLE001 - any exception is a finding
        _tell(getattr(problem, "world", None))
        click.echo(f"seed {seed} FAILED: {type(problem).__name__}: {problem}")
        click.echo(f"replay: python -m tests.simulation --world {world} --seed {seed} --story")
        return False
    if not is_quiet:
        _tell(outcome)
        click.echo(f"seed {seed}: nothing broken")
    return True


def _tell(world: object) -> None:
    for line in getattr(world, "story", None) or []:
        click.echo(line)


def main() -> int:
    """Read the command line."""
    parser = ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--seeds", default="0:300", help="run FROM:TO (default 0:300)")
    parser.add_argument("--world", choices=WORLDS, default="trouble", help="what a seed stands for (default trouble)")
    parser.add_argument("--story", action="store_true", help="tell what happened, line by line")
    parser.add_argument("--plan", action="store_true", help="only say what the seed stands for")
    arguments = parser.parse_args()
    if arguments.seed is not None and arguments.plan:
        click.echo(plan_of(arguments.seed).sentence())
        return 0
    if arguments.seed is not None:
        return 0 if replay(arguments.world, arguments.seed, story=arguments.story) else 1
    first, last = (int(part) for part in arguments.seeds.split(":"))
    started = time.perf_counter()
    failed = [seed for seed in range(first, last) if not replay(arguments.world, seed, is_quiet=True)]
    seconds = time.perf_counter() - started
    click.echo(f"{last - first} seeds in {seconds:.1f} s, {(last - first) / seconds:.1f} seeds/s, failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
