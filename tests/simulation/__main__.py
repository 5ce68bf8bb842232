"""`python -m tests.simulation --seed N --story` replays a seed; `--seeds A:B` runs a range and prints its speed."""

import sys
import time
from argparse import ArgumentParser

import click

from tests.simulation.seeds import plan_of, run_seed


def replay(seed: int, *, story: bool) -> bool:
    """Run one seed and say how it went."""
    try:
        world = run_seed(seed, story=story)
    except Exception as problem:  # noqa: BLE001 - any exception is a finding
        for line in getattr(problem, "world", None).story or [] if hasattr(problem, "world") else []:
            click.echo(line)
        click.echo(f"seed {seed} FAILED: {type(problem).__name__}: {problem}")
        click.echo(f"replay: python -m tests.simulation --seed {seed} --story")
        return False
    for line in world.story or []:
        click.echo(line)
    click.echo(f"seed {seed}: {len(world.invariants.commits)} rounds, {world.events} events, nothing broken")
    return True


def main() -> int:
    """Read the command line."""
    parser = ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--seeds", default="0:300", help="run FROM:TO (default 0:300)")
    parser.add_argument("--story", action="store_true", help="tell what happened, line by line")
    parser.add_argument("--plan", action="store_true", help="only say what the seed stands for")
    arguments = parser.parse_args()
    if arguments.seed is not None and arguments.plan:
        click.echo(plan_of(arguments.seed).sentence())
        return 0
    if arguments.seed is not None:
        return 0 if replay(arguments.seed, story=arguments.story) else 1
    first, last = (int(part) for part in arguments.seeds.split(":"))
    started = time.perf_counter()
    failed = [seed for seed in range(first, last) if not replay_quietly(seed)]
    seconds = time.perf_counter() - started
    click.echo(f"{last - first} seeds in {seconds:.1f} s, {(last - first) / seconds:.1f} seeds/s, failed: {failed}")
    return 1 if failed else 0


def replay_quietly(seed: int) -> bool:
    """Run one seed; only a failure is worth a line."""
    try:
        run_seed(seed)
    except Exception as problem:  # noqa: BLE001 - any exception is a finding
        click.echo(f"seed {seed} FAILED: {type(problem).__name__}: {problem}")
        click.echo(f"replay: python -m tests.simulation --seed {seed} --story")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
