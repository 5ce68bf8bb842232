"""Published film reviews go through `shoal data split` without losing one, with a skew, and a model reads them."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from shoal_node.cli.data import data
from shoal_node.data.tables import Table, read_table
from shoal_node.models.folders import model_folder
from shoal_node.recipes.text_classification import Sources, build
from shoal_node.rounds.in_process import InProcess, Member
from shoal_swarm.spec.run import RunConfig
from tests.architecture.repository import ROOT
from tests.learning.workbench import task

VARIABLE = "SHOAL_TEST_DATA"
ROWS = {"train": 8544, "dev": 1101, "test": 2210}
NODES = 3


@pytest.fixture(scope="module")
def reviews() -> Path:
    """Five classes of the Stanford Sentiment Treebank; the data are no part of this repository."""
    place = Path(os.environ.get(VARIABLE) or ROOT.parent / "shared/data") / "sst5"
    if not (place / "train.csv").is_file():
        pytest.skip(f"{place} has no train.csv: set {VARIABLE} to the folder that holds sst5/")
    return place


def _divided(reviews: Path, out: Path) -> list[Table]:
    words = ["split", str(reviews / "train.csv"), "--out", str(out), "--nodes", str(NODES), "--label", "stars"]
    done = CliRunner().invoke(data, [*words, "--how", "dirichlet", "--alpha", "0.3", "--seed", "7", "--json"])
    assert done.exit_code == 0, done.output
    return [read_table(Path(path)) for path in json.loads(done.stdout)["files"]]


@pytest.mark.full
def test_they_are_divided_with_a_skew_and_none_is_lost(reviews: Path, tmp_path: Path) -> None:
    whole = {name: read_table(reviews / f"{name}.csv") for name in ROWS}
    assert {name: len(table.rows) for name, table in whole.items()} == ROWS
    parts = _divided(reviews, tmp_path / "one")
    told = Counter((row["text"], row["stars"]) for part in parts for row in part.rows)
    assert told == Counter((row["text"], row["stars"]) for row in whole["train"].rows)
    commonest = [max(Counter(part.column("stars")).values()) / len(part.rows) for part in parts]
    assert max(commonest) > 0.4, "all together have no more than 28% of one label"
    again = _divided(reviews, tmp_path / "again")
    assert [list(part.rows) for part in again] == [list(part.rows) for part in parts]


@pytest.mark.full
def test_three_nodes_learn_from_them_and_agree(reviews: Path, tmp_path: Path) -> None:
    wanted = task("max_steps: 6", "sync_every: 3, codec: int8", nodes=NODES)
    parts, test = _divided(reviews, tmp_path / "parts"), read_table(reviews / "dev.csv")
    nodes = [f"node-{number}" for number in range(NODES)]
    swarm = InProcess(RunConfig.of_task(wanted).plan(), wanted.rounds, wanted.sync_every, nodes)

    def take_part(node: str, member: Member) -> dict[str, float]:
        model = model_folder(wanted.model.name, {})
        mine = build(wanted, Sources(model=model, train=[parts[nodes.index(node)]], test=test))
        mine.train(member, tmp_path / node)
        return mine.measured()

    results = list(swarm.run(take_part).values())
    assert results == [results[0]] * NODES, "all nodes end with the same adapter"
    assert len(swarm.committed) == 1 + wanted.rounds
    own = [[one.metrics["loss"] for one in swarm.measures[node] if not one.is_merged] for node in nodes]
    assert len(set(map(tuple, own))) == NODES, "and each has learned from data of its own"
