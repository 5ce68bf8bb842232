"""A trainer that learns nothing and needs no torch: `python -m tests.live.fake_trainer --task T --node N --link DIR`.

It speaks the link as a trainer must: it keeps what it has offered, offers it again when it is asked again, and trains
nothing twice. Each step adds the same numbers, which follow from node and round alone.
"""

import argparse
import json
from pathlib import Path

import click
import numpy as np

from shoal_base.errors import Unavailable
from shoal_swarm.merge import Adapter, AdapterSpec, DenseSpec, ModuleSpec, Pair
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.service.run_config import task_in
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.task import Task
from shoal_swarm.trainer_link.line import Line
from shoal_swarm.trainer_link.messages import (
    LINK_VERSION,
    Begin,
    Declined,
    Done,
    Finish,
    GoOn,
    Measured,
    Offer,
    Progress,
    Ready,
)
from shoal_swarm.trainer_link.tensors import drop_files, read_adapter, read_file, write_adapter

SPEC = AdapterSpec.of([ModuleSpec("layer.0.query", 24, 16, 4)], [DenseSpec("head.weight", (5, 24))])
SIZE = 0.01


def first(task: Task) -> Adapter:
    """The adapter that all start from."""
    return _moved(
        Adapter({"layer.0.query": Pair(_zeros(24, 4), _zeros(4, 16))}, {"head.weight": _zeros(5, 24)}), "all", 0, task
    )


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _moved(start: Adapter, who: str, steps: int, task: Task) -> Adapter:
    seed = digest_of(f"{who}/{steps}/{task.train.seed}".encode())
    chance = np.random.default_rng(int.from_bytes(seed[:8]))

    def near(array: np.ndarray) -> np.ndarray:
        return (array + SIZE * chance.standard_normal(array.shape)).astype(np.float32)

    pairs = {name: Pair(near(pair.b), near(pair.a)) for name, pair in start.pairs.items()}
    return Adapter(pairs, {name: near(array) for name, array in start.dense.items()})


class FakeTrainer:
    """One trainer's process."""

    def __init__(self, task: Task, node: str, link: Path) -> None:
        self.task, self.node, self.link = task, node, link
        self.offered: Offer | None = None

    def work(self) -> None:
        """Until the run is over; the peer may come and go."""
        while True:
            line = Line.reach(self.link, patience_s=60)
            try:
                self._introduce(line)
                if self._serve(line):
                    return
            except Unavailable as problem:
                click.echo(problem)
            finally:
                line.close()

    def _introduce(self, line: Line) -> None:
        hashes = {name: digest_of(name.encode()) for name in ("base_model", "tokenizer", "labels")}
        config = RunConfig.of_task(self.task).digest()
        line.say(Ready(version=LINK_VERSION, config=config, adapter=SPEC.to_bytes(), examples=100, **hashes))

    def _serve(self, line: Line) -> bool:
        while True:
            match line.hear():
                case Begin() as begin:
                    line.say(self._offer(begin, line))
                case GoOn(base=base, steps=steps):
                    click.echo(f"may go on from {base} to {steps}")
                case Finish() as finish:
                    lines = read_file(self.link, finish.ledger).splitlines()
                    result = read_file(self.link, finish.merged)
                    line.say(Measured(round=finish.round, is_merged=True, metrics={"accuracy": 0.5}))
                    line.say(Done())
                    click.echo(json.dumps({"result": digest_of(result).hex(), "ledger": len(lines)}))
                    return True
                case Declined(sentence=sentence):
                    raise SystemExit(sentence)
                case _:
                    pass

    def _offer(self, begin: Begin, line: Line) -> Offer:
        if self.offered is not None and self.offered.base == begin.base:
            return self.offered
        steps = self.task.sync_every if begin.base >= 0 else 0
        line.say(Progress(base=begin.base, step=steps, steps=steps, loss=1.0))
        if begin.start is None:
            adapter = first(self.task)
        else:
            adapter = _moved(read_adapter(self.link, begin.start, SPEC), self.node, begin.base + 1, self.task)
        file = write_adapter(self.link, f"offer-{begin.base + 1}.safetensors", adapter)
        drop_files(self.link, ("offer-",), keep=(file.name,))
        self.offered = Offer(base=begin.base, file=file, examples=100, steps=steps)
        return self.offered


def main() -> None:
    """What the command line says."""
    options = argparse.ArgumentParser()
    for name in ("--task", "--node", "--link"):
        options.add_argument(name, required=True)
    options.add_argument("--profile")
    found = options.parse_args()
    FakeTrainer(task_in(Path(found.task)), found.node, Path(found.link)).work()


if __name__ == "__main__":
    main()
