"""`shoal train`: the learning half of a node, or the same work without a swarm to compare with."""

from pathlib import Path

import click

from shoal_base.command import Command, Reply
from shoal_base.errors import InputRefused
from shoal_node.cli.surroundings import quieten

_A_FILE = click.Path(path_type=Path, dir_okay=False)
_A_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("train", cls=Command)
@click.option("--task", type=_A_FILE, required=True, help="What to learn.")
@click.option("--profile", type=_A_FILE, required=True, help="What this host offers: data, models, output.")
@click.option("--node", help="Which of the profile's nodes this is.")
@click.option("--link", type=_A_FOLDER, help="Take part in a swarm: the folder in which this node's peer listens.")
@click.option("--alone", is_flag=True, help="Train on the node's own data, without a swarm.")
@click.option("--pooled", is_flag=True, help="Train on the data of all the profile's nodes at once.")
@click.option("--out", type=_A_FOLDER, help="Where the result goes, if not to the profile's output for the node.")
def train(
    *, task: Path, profile: Path, node: str | None, link: Path | None, alone: bool, pooled: bool, out: Path | None
) -> Reply:
    """Learn what a task asks for: in a swarm with --link, or with --alone or --pooled to compare."""
    if [link is not None, alone, pooled].count(True) != 1:
        raise InputRefused(
            "A trainer has a peer, or is alone, or has everybody's data: give --link, --alone or --pooled."
        )
    if node is None and not pooled:
        raise InputRefused("Whose data are these? Give --node NAME, as the profile has it.")
    if out is None and link is None:
        raise InputRefused("--alone and --pooled need --out FOLDER, so that they do not overwrite the swarm's result.")
    quieten()
    from shoal_node.recipes.running import Order, carry_out  # noqa: PLC0415 - imports torch

    outcome = carry_out(Order(task=task, profile=profile, node=node, link=link, out=out))
    shown = ", ".join(f"{name} {value:.3f}" for name, value in outcome.final.items())
    return Reply(
        [
            f"Trained {outcome.rounds} rounds on {outcome.examples} examples: {shown} on held-out data.",
            f"The adapter is in {outcome.adapter}. Try it: shoal predict {outcome.adapter} TEXT",
        ],
        {
            "adapter": str(outcome.adapter),
            "digest": outcome.digest,
            "rounds": outcome.rounds,
            "examples": outcome.examples,
            "final": dict(outcome.final),
        },
    )
