"""How good a classifier is on held-out examples. Draws no chance, so measuring never changes what is learned next."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import nn
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from shoal_node.recipes.examples import Examples

Probabilities = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def probabilities(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, examples: Dataset[dict[str, Any]], count: int, batch: int
) -> Probabilities:
    """What the model believes of every example, class by class."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    try:
        with torch.inference_mode():
            parts = [
                torch.softmax(model(**inputs.to(device)).logits.double(), dim=-1).cpu()
                for inputs in _batches(tokenizer, examples, count, batch)
            ]
    finally:
        model.train(was_training)
    whole: Probabilities = torch.cat(parts).numpy()
    return whole


def measure(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, examples: Examples, metrics: Sequence[str], batch: int
) -> dict[str, float]:
    """The named metrics of a model on held-out examples."""
    believed = probabilities(model, tokenizer, examples, len(examples), batch)
    truth, told = np.array(examples.classes), believed.argmax(axis=1)
    classes = np.arange(believed.shape[1])
    known = {
        "accuracy": lambda: accuracy_score(truth, told),
        "f1": lambda: f1_score(truth, told, labels=classes, average="macro", zero_division=0.0),
        "loss": lambda: log_loss(truth, believed, labels=classes),
    }
    return {name: float(known[name]()) for name in metrics}


def _batches(
    tokenizer: PreTrainedTokenizerBase, examples: Dataset[dict[str, Any]], count: int, batch: int
) -> Iterator[Any]:
    for start in range(0, count, batch):
        rows = [examples[index] for index in range(start, min(start + batch, count))]
        inputs = [{name: row[name] for name in ("input_ids", "attention_mask")} for row in rows]
        yield tokenizer.pad(inputs, return_tensors="pt")
