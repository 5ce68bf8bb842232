"""`shoal init`: a task and a profile to begin with."""

from pathlib import Path

import click

from shoal_base.command import Command, Reply
from shoal_base.errors import InputRefused
from shoal_orchestrator.cli.choices import choice_options, choices_of
from shoal_orchestrator.planning.defaults import profile_text, task_text
from shoal_orchestrator.running.folder import write_whole
from shoal_swarm.spec.profile import read_profile
from shoal_swarm.spec.task import read_task

_A_FOLDER = click.Path(path_type=Path, file_okay=False)
TASK, PROFILE = "task.yaml", "profile.yaml"


@click.command("init", cls=Command)
@choice_options
@click.option("--out", type=_A_FOLDER, default=".", show_default=True, help="Where the two files go.")
@click.option("--name", help="What the task is called. [reviews]")
@click.option("--model", help="The base model, as NAME or OWNER/NAME. [shoal/tiny-bert]")
@click.option("--learning-rate", type=float, help="How fast nodes learn. [0.01, or 0.0002 with another model]")
@click.option("--labels", type=click.IntRange(2, 1000), help="How many classes. [5]")
@click.option("--first-label", type=click.IntRange(0, 1), help="The smallest label, where labels are numbers. [1]")
@click.option("--text", help="The column with the text. [text]")
@click.option("--label", help="The column with the label. [stars]")
def init(
    *,
    nodes: int | None,
    rounds: int | None,
    seed: int | None,
    out: Path,
    name: str | None,
    model: str | None,
    learning_rate: float | None,
    labels: int | None,
    first_label: int | None,
    text: str | None,
    label: str | None,
) -> Reply:
    """Write a task and a profile to begin with; change them to your liking."""
    if learning_rate is None and model is not None:
        learning_rate = 2e-4
    choices = choices_of(
        nodes=nodes,
        rounds=rounds,
        seed=seed,
        name=name,
        model=model,
        learning_rate=learning_rate,
        labels=labels,
        first_label=first_label,
        text=text,
        label=label,
    )
    files = {out / TASK: task_text(choices), out / PROFILE: profile_text(choices)}
    read_task(files[out / TASK].encode(), TASK)
    read_profile(files[out / PROFILE].encode(), PROFILE)
    there = [str(path) for path in files if path.exists()]
    if there:
        raise InputRefused(f"{' and '.join(there)} would be overwritten. Choose another --out, or move what is there.")
    for path, content in files.items():
        write_whole(path, content)
    return Reply(
        [
            f"Wrote {out / TASK}, which says what to learn, and {out / PROFILE}, where this host's data lie.",
            "The profile looks for data/node-1.csv and so on beside it. To make some up:",
            f"  shoal data reviews --out {out / 'data'} --nodes {choices.nodes}",
            f"Then: shoal run {out / TASK} --profile {out / PROFILE} --baselines",
        ],
        {"files": [str(path) for path in files]},
    )
