"""Does a swarm learn? Each node alone, the swarm, and everybody's data in one place, at equal steps, over fixed seeds.

    python tests/benchmarks/learning.py [--quick] [--json FILE]

Three nodes hold made-up film reviews with a skew of labels and of topics; the embedded model learns to tell the stars.
Trainers, adapters, codec and merges are the real ones, with all nodes in one process (rounds/in_process.py): what a
network adds is time, and not one bit of the result. Accuracy is of held-out reviews without any skew. How much of the
distance between working alone and pooling all data a swarm closes is

    (swarm - mean alone) / (pooled - mean alone)

The model is the same for all seeds; data, order, head and first adapter are the seed's. `--quick` is one seed with so
few steps that nobody is done with learning: it shows that the benchmark works, and the goals are those of the whole.
"""

import os

os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"})

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import structlog
import torch
from bench import Bench
from click import echo

from shoal_node.data.reviews import Review, balanced_reviews, node_reviews
from shoal_node.data.tables import Table
from shoal_node.models.folders import model_folder
from shoal_node.recipes.text_classification import Job, Sources, build
from shoal_node.rounds.in_process import Alone, InProcess, Member
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.task import Task, read_task

SEEDS, SEEDS_QUICK = (1, 2, 3, 4, 5), (1,)
NODES = ("a", "b", "c")
EXAMPLES, EXAMPLES_TEST = 1000, 500
STEPS, STEPS_QUICK = 160, 48
CLOSED, OVER_BEST = 0.7, 0.03
TASK = """
shoal: task/v1
name: reviews
model: {{name: shoal/tiny-bert, labels: 5}}
lora: {{r: 8, alpha: 32, dropout: 0.1, targets: auto}}
data: {{dataset: reviews, text: text, label: stars, first_label: 1}}
train: {{learning_rate: 1.0e-2, batch_size: 32, max_steps: {steps}, max_length: 64, seed: {seed}}}
swarm: {{nodes: 3, sync_every: 16, codec: int8}}
evaluate: {{dataset: reviews-test, metrics: [accuracy]}}
"""


@dataclass(frozen=True, slots=True)
class Data:
    """What one seed's nodes have, and what they are measured with."""

    nodes: Mapping[str, Table]
    test: Table


@dataclass(frozen=True, slots=True)
class Outcome:
    """Accuracies of one seed."""

    alone: Mapping[str, float]
    swarm: float
    pooled: float
    bytes_per_round: int
    seconds: float

    @property
    def mean_alone(self) -> float:
        """Of the nodes without a swarm."""
        return sum(self.alone.values()) / len(self.alone)

    @property
    def closed(self) -> float:
        """How much of the way from alone to pooled."""
        return (self.swarm - self.mean_alone) / (self.pooled - self.mean_alone)

    @property
    def over_best(self) -> float:
        """How far above the best node alone."""
        return self.swarm - max(self.alone.values())


def table(reviews: Sequence[Review]) -> Table:
    """Reviews as if they had been read from a file."""
    rows = [{"text": one.text, "stars": str(one.stars), "topic": one.topic} for one in reviews]
    return Table(Path("made-up.csv"), ("text", "stars", "topic"), rows)


def data_of(seed: int) -> Data:
    """Every seed's own reviews."""
    chance = np.random.default_rng(seed)
    mine = {node: table(node_reviews(chance, EXAMPLES, index, len(NODES))) for index, node in enumerate(NODES)}
    return Data(mine, table(balanced_reviews(chance, EXAMPLES_TEST)))


def job(task: Task, train: Sequence[Table], test: Table) -> Job:
    """A model with these data, ready to train."""
    return build(task, Sources(model=model_folder(task.model.name, {}), train=train, test=test))


def accuracy_without_swarm(task: Task, train: Sequence[Table], test: Table, folder: Path) -> float:
    """Of plain training with so many steps."""
    mine = job(task, train, test)
    mine.train(Alone(task.rounds, task.sync_every), folder)
    return mine.measured()["accuracy"]


def outcome_of(seed: int, steps: int, folder: Path) -> Outcome:
    """Alone, swarm and pooled on one seed's data."""
    task, data = read_task(TASK.format(seed=seed, steps=steps).encode(), "learning.py"), data_of(seed)
    started = time.perf_counter()
    alone = {
        node: accuracy_without_swarm(task, [mine], data.test, folder / f"alone-{node}")
        for node, mine in data.nodes.items()
    }
    pooled = accuracy_without_swarm(task, list(data.nodes.values()), data.test, folder / "pooled")
    swarm = InProcess(RunConfig.of_task(task).plan(), task.rounds, task.sync_every, NODES)

    def take_part(node: str, member: Member) -> float:
        mine = job(task, [data.nodes[node]], data.test)
        mine.train(member, folder / f"swarm-{node}")
        return mine.measured()["accuracy"]

    accuracies = set(swarm.run(take_part).values())
    assert len(accuracies) == 1, "all nodes end with the same adapter"
    return Outcome(alone, accuracies.pop(), pooled, swarm.committed[-1].bytes_per_node, time.perf_counter() - started)


def show(seed: int, found: Outcome) -> None:
    """A line of the table."""
    alone = "  ".join(f"{value:.3f}" for value in found.alone.values())
    echo(
        f"  seed {seed}  alone {alone}  swarm {found.swarm:.3f}  pooled {found.pooled:.3f}  "
        f"closed {found.closed:.2f}  over best {100 * found.over_best:+5.1f} points  ({found.seconds:.0f} s)"
    )


def main() -> None:
    """All seeds, one after the other."""
    bench = Bench.from_command_line("what three nodes learn alone, together, and from all data in one place")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    outcomes = []
    for seed in SEEDS_QUICK if bench.quick else SEEDS:
        with TemporaryDirectory() as folder:
            found = outcome_of(seed, STEPS_QUICK if bench.quick else STEPS, Path(folder))
        show(seed, found)
        outcomes.append(found)
        for name, value in (("swarm", found.swarm), ("pooled", found.pooled), ("mean alone", found.mean_alone)):
            bench.figures.append({"name": f"{name}, seed {seed}", "value": value, "unit": "accuracy"})
    bench.figure("bytes of one contribution", outcomes[0].bytes_per_round, "bytes")
    bench.goal("smallest part of the way from alone to pooled", min(one.closed for one in outcomes), ">=", CLOSED)
    bench.goal("smallest distance to the best node alone", min(one.over_best for one in outcomes), ">=", OVER_BEST)
    bench.finish()


if __name__ == "__main__":
    main()
