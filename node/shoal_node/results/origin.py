"""What an adapter folder says of itself: task, base model, tokenizer and labels, each with its hash.

It lies beside the adapter as `shoal.json`. `predict` reads it, so that what was class 4 in training is the label `5`
in the answer, and so that an adapter is never put on another base than its own.
"""

from pathlib import Path
from typing import Annotated, Final, Self

import msgspec

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_node.recipes.text_classification import Job

NAME: Final = "shoal.json"


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="result/v1", tag_field="shoal"):
    """Where an adapter comes from; equal on all nodes of its run."""

    run: str
    recipe: str
    round: int
    base_model: str
    base_digest: str
    tokenizer_digest: str
    labels: tuple[str, ...]
    labels_digest: str
    adapter_digest: str
    """Of the description of its tensors."""
    max_length: Annotated[int, msgspec.Meta(ge=1)]
    """Tokens of a text that it learned to read."""

    @classmethod
    def of(cls, job: Job, round_number: int) -> Self:
        """Of what a job has learned."""
        fit = job.fit_now()
        return cls(
            run=job.task.name,
            recipe=job.task.recipe,
            round=round_number,
            base_model=job.task.model.name,
            base_digest=fit.base_model.hex(),
            tokenizer_digest=fit.tokenizer.hex(),
            labels=job.labels.names,
            labels_digest=fit.labels.hex(),
            adapter_digest=fit.adapter.digest().hex(),
            max_length=job.task.train.max_length,
        )

    def to_bytes(self) -> bytes:
        """As the file has it."""
        return msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=2) + b"\n"


def read_origin(folder: Path) -> Origin:
    """What a folder says of itself."""
    path = folder / NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Origin)
    except OSError as problem:
        raise PlaceRefused(
            f"{path} cannot be read: {problem.strerror}. Name the folder `adapter` that a run has left."
        ) from problem
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise InputRefused(f"{path} is refused: {problem}. Fetch the folder again.") from problem
