"""One node with exact bytes is plain training, loss for loss, through real processes and kill -9 of each of them."""

import json
import os
import re
from pathlib import Path

import pytest
import torch

from shoal_node.adapter.folder import WEIGHTS, weights_bytes
from shoal_node.adapter.sites import Sites
from shoal_node.data.tables import write_table
from shoal_node.recipes.text_classification import losses
from tests.learning.workbench import COLUMNS, held_out, job, reviews, task, task_text
from tests.swim.swimming import kill, swim

STEPS = 40
TRAIN, SWARM = f"max_steps: {STEPS}", "sync_every: 1, deadline: wait, codec: fp32"
PROFILE = """
shoal: profile/v1
host: here
nodes:
  - name: only
    output: result
    datasets: {train: {path: train.csv}, test: {path: test.csv}}
"""


def _files(folder: Path) -> list[str]:
    (folder / "task.yaml").write_text(task_text(TRAIN, SWARM))
    (folder / "profile.yaml").write_text(PROFILE)
    for name, table in (("train.csv", reviews()), ("test.csv", held_out())):
        write_table(folder / name, COLUMNS, table.rows)
    return [str(folder / "task.yaml"), "--profile", str(folder / "profile.yaml")]


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_killed_node_alone_in_its_swarm_learns_what_plain_training_learns(tmp_path: Path) -> None:
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    with swim(tmp_path, *_files(tmp_path)) as run:
        for seen, half in (("round  2 of", "train"), ("round  8 of", "peer"), ("round 15 of", "train")):
            run.until(seen)
            kill(run.find(half).pid)
        assert run.wait() == 0, run.story()
        assert run.story().count("was killed by SIGKILL") == 3
        told = re.findall(r"round +(\d+) of 40: accuracy only (\S+)", run.story())
        assert [int(number) for number, _ in told] == list(range(1, STEPS + 1))
        assert "-" not in {measured for _, measured in told}
    found = json.loads((tmp_path / "result/metrics.json").read_text())
    plain = job(task(TRAIN, SWARM))
    trainer = plain.trainer(tmp_path / "plain")
    trainer.train()
    assert found["losses"] == losses(trainer)
    assert len(found["losses"]) == STEPS
    sites = Sites.of(plain.model)
    assert (tmp_path / "result/adapter" / WEIGHTS).read_bytes() == weights_bytes(sites, sites.read())
