"""`python -m tests.simulation --seed N --story` replays a seed; `--seeds A:B` runs a range and prints its speed."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable

import click

from tests.simulation.seeds import plan_of, run_core, run_seed


def run_swarm(seed: int, *, story: bool) -> str:
    """Run a swarm through trouble and recovery; the answer says what it came to."""
    world = run_seed(seed, story=story)
    for line in world.story or []:
        click.echo(line)
    return f"{len(world.invariants.commits)} rounds, {world.events} events, nothing broken"


def run_core_only(seed: int, *, story: bool) -> str:
    """Run a swarm of which only a core stays well; the answer says what it came to."""
    went_on = run_core(seed, story=story)
    return "the core went on" if went_on else "every copy of the newest COMMIT is with nodes that stay broken"


def replay(run: Callable[..., str], seed: int, *, story: bool = False, is_quiet: bool = False) -> bool:
    """Run one seed and say how it went; quietly, only a failure is worth a line."""
    try:
        outcome = run(seed, story=story)
    except Exception as problem:  # noqa: BLE001 - any exception is a finding
        for line in getattr(getattr(problem, "world", None), "story", None) or []:
            click.echo(line)
        core = " --core" if run is run_core_only else ""
        click.echo(f"seed {seed} FAILED: {type(problem).__name__}: {problem}")
        click.echo(f"replay: python -m tests.simulation{core} --seed {seed} --story")
        return False
    if not is_quiet:
        click.echo(f"seed {seed}: {outcome}")
    return True


def main() -> int:
    """Read the command line."""
    parser = ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--seeds", default="0:300", help="run FROM:TO (default 0:300)")
    parser.add_argument("--core", action="store_true", help="swarms of which only a core stays well, for ever")
    parser.add_argument("--story", action="store_true", help="tell what happened, line by line")
    parser.add_argument("--plan", action="store_true", help="only say what the seed stands for")
    arguments = parser.parse_args()
    if arguments.seed is not None and arguments.plan:
        click.echo(plan_of(arguments.seed).sentence())
        return 0
    run = run_core_only if arguments.core else run_swarm
    if arguments.seed is not None:
        return 0 if replay(run, arguments.seed, story=arguments.story) else 1
    first, last = (int(part) for part in arguments.seeds.split(":"))
    started = time.perf_counter()
    failed = [seed for seed in range(first, last) if not replay(run, seed, is_quiet=True)]
    seconds = time.perf_counter() - started
    click.echo(f"{last - first} seeds in {seconds:.1f} s, {(last - first) / seconds:.1f} seeds/s, failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
