"""`shoal predict`: ask an adapter that came out."""

import sys
from pathlib import Path

import click

from shoal_base.command import Command, Reply
from shoal_base.errors import InputRefused
from shoal_base.home import this_home
from shoal_node.cli.surroundings import quieten

_A_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("predict", cls=Command)
@click.argument("folder", type=_A_FOLDER)
@click.argument("texts", nargs=-1)
@click.option("--model", type=_A_FOLDER, help="Where the base model lies, if it is neither embedded nor in the home.")
def predict(*, folder: Path, texts: tuple[str, ...], model: Path | None) -> Reply:
    """Label TEXTS, or every line of stdin, with the adapter in FOLDER."""
    asked = list(texts) if texts else [line.rstrip("\n") for line in sys.stdin]
    if not asked:
        raise InputRefused("There is no text to label: give one after the folder, or lines on stdin.")
    quieten()
    from shoal_node.results.origin import read_origin  # noqa: PLC0415 - imports torch
    from shoal_node.results.predicting import predict as ask  # noqa: PLC0415 - imports torch

    mapped = {} if model is None else {read_origin(folder).base_model: model}
    answers = ask(folder, asked, mapped, this_home().models)
    return Reply(
        [f"{answer.label}  {max(answer.probabilities.values()):5.1%}  {answer.text}" for answer in answers],
        {
            "predictions": [
                {"text": answer.text, "label": answer.label, "probabilities": dict(answer.probabilities)}
                for answer in answers
            ]
        },
    )
