"""A task and a profile as files, from a few options; what `shoal init` writes and a run without a task uses."""

import json
from dataclasses import dataclass
from typing import Final

SYNC_EVERY: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may choose without writing YAML."""

    name: str = "reviews"
    nodes: int = 3
    rounds: int = 10
    seed: int = 42
    model: str = "shoal/tiny-bert"
    labels: int = 5
    first_label: int = 1
    text: str = "text"
    label: str = "stars"
    learning_rate: float = 1e-2
    """High, because the embedded model is tiny."""
    test: str = "data/test.csv"
    """Where all nodes find what they measure with, from the profile's folder."""


def node_names(choices: Choices) -> list[str]:
    """What the nodes are called."""
    return [f"node-{number + 1}" for number in range(choices.nodes)]


def _quoted(word: str) -> str:
    """A word of the user's that YAML must not take for anything else."""
    return json.dumps(word, ensure_ascii=False)


def task_text(choices: Choices) -> str:
    """The task, as a person would write it."""
    return f"""\
# What to learn. Says nothing about anybody's disks: those are in profiles.
shoal: task/v1
name: {choices.name}
recipe: text-classification
model: {{name: {choices.model}, labels: {choices.labels}}}
lora: {{r: 8, alpha: 32, dropout: 0.1, targets: auto}}
data: {{dataset: train, text: {_quoted(choices.text)}, label: {_quoted(choices.label)}, \
first_label: {choices.first_label}}}
train: {{learning_rate: {choices.learning_rate:g}, batch_size: 32, max_steps: {SYNC_EVERY * choices.rounds}, \
max_length: 64, seed: {choices.seed}}}
# All nodes meet every {SYNC_EVERY} steps. `wait`: no round goes on without everybody; a run is
# repeatable bit for bit.
swarm: {{nodes: {choices.nodes}, sync_every: {SYNC_EVERY}, deadline: wait, codec: int8}}
evaluate: {{dataset: test, metrics: [accuracy, f1], select: accuracy}}
"""


def profile_text(choices: Choices) -> str:
    """The profile of one host that has all nodes."""
    nodes = "\n".join(
        f"""\
  - name: {name}
    output: {name}
    datasets: {{train: {{path: data/{name}.csv}}, test: {{path: {_quoted(choices.test)}}}}}"""
        for name in node_names(choices)
    )
    return f"""\
# What this host offers. Stays on the host; paths count from this file's folder.
shoal: profile/v1
host: here
engine: process
nodes:
{nodes}
"""
