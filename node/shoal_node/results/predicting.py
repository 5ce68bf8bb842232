"""Use an adapter that came out: texts in, labels and how sure the model is out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal_base.errors import InputRefused
from shoal_node.adapter.folder import adapted
from shoal_node.data.labels import Labels
from shoal_node.models.classifier import load_base, load_tokenizer
from shoal_node.models.folders import model_digest, model_folder, tokenizer_digest
from shoal_node.recipes.examples import Examples
from shoal_node.recipes.metrics import probabilities
from shoal_node.results.origin import NAME, read_origin

_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model makes of a text."""

    text: str
    label: str
    probabilities: Mapping[str, float]


def predict(folder: Path, texts: Sequence[str], mapped: Mapping[str, Path], home: Path) -> list[Prediction]:
    """Labels for texts, by the adapter in a folder on its own base model."""
    origin = read_origin(folder)
    base_folder = model_folder(origin.base_model, mapped, home)
    for what, found, wanted in (
        ("base model", model_digest(base_folder), origin.base_digest),
        ("tokenizer", tokenizer_digest(base_folder), origin.tokenizer_digest),
    ):
        if found.hex() != wanted:
            raise InputRefused(
                f"The {what} in {base_folder} is {found.hex()[:12]}, and this adapter was trained on {wanted[:12]}. "
                f"Give it the {origin.base_model} that the run used."
            )
    labels, tokenizer = Labels(origin.labels), load_tokenizer(base_folder)
    if labels.digest().hex() != origin.labels_digest:
        raise InputRefused(
            f"The labels in {folder / NAME} are {', '.join(origin.labels)}, and the adapter learned others, or in "
            "another order. Fetch the folder again."
        )
    model = adapted(load_base(base_folder, labels, seed=0), folder)
    encoded = tokenizer(list(texts), truncation=True, max_length=origin.max_length)
    examples = Examples(encoded["input_ids"], [0] * len(texts))
    believed = probabilities(model, tokenizer, examples, len(texts), _AT_ONCE)
    return [
        Prediction(text, labels.names[int(row.argmax())], dict(zip(labels.names, map(float, row), strict=True)))
        for text, row in zip(texts, believed, strict=True)
    ]
