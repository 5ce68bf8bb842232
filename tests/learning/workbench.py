"""Small tasks on made-up reviews with the embedded model, ready to train."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from shoal_node.data.reviews import balanced_reviews, node_reviews
from shoal_node.data.tables import Table
from shoal_node.models.folders import model_folder
from shoal_node.recipes.text_classification import Job, Sources, build
from shoal_swarm.spec.task import Task, read_task

COLUMNS = ("text", "stars", "topic")
TASK = """
shoal: task/v1
name: small
model: {{name: shoal/tiny-bert, labels: 5}}
lora: {{r: 4, alpha: 10, dropout: 0.1}}
data: {{dataset: train, text: text, label: stars, first_label: 1}}
train: {{learning_rate: 1.0e-2, batch_size: 8, max_length: 32, seed: 3, {train}}}
swarm: {{nodes: {nodes}, {swarm}}}
evaluate: {{dataset: test, metrics: [accuracy, f1, loss], select: accuracy}}
"""


def task_text(train: str = "max_steps: 6", swarm: str = "sync_every: 2, codec: fp32", nodes: int = 1) -> str:
    """A task in YAML."""
    return TASK.format(train=train, swarm=swarm, nodes=nodes)


def task(train: str = "max_steps: 6", swarm: str = "sync_every: 2, codec: fp32", nodes: int = 1) -> Task:
    """A task."""
    return read_task(task_text(train, swarm, nodes).encode(), "task.yaml")


def table(rows: Sequence[Mapping[str, str]]) -> Table:
    """Rows as if they had been read from a file."""
    return Table(Path("made-up.csv"), COLUMNS, [dict(row) for row in rows])


def reviews(node: int = 0, examples: int = 40, nodes: int = 3) -> Table:
    """One node's data."""
    chance = np.random.default_rng(node)
    return table([_row(one) for one in node_reviews(chance, examples, node, nodes)])


def held_out(examples: int = 30) -> Table:
    """What all measure with."""
    return table([_row(one) for one in balanced_reviews(np.random.default_rng(99), examples)])


def job(wanted: Task, *train: Table) -> Job:
    """A model with data, ready to train."""
    model = model_folder(wanted.model.name, {})
    return build(wanted, Sources(model=model, train=train or (reviews(),), test=held_out()))


def _row(review: object) -> dict[str, str]:
    return {"text": review.text, "stars": str(review.stars), "topic": review.topic}  # type: ignore[attr-defined]
