"""A task, a profile or a run that cannot work is refused with its place, the rule and the nearest spelling."""

import pytest

from shoal_swarm.spec.profile import read_profile
from shoal_swarm.spec.refusals import FileRefused
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.task import Task, read_task

TASK = """\
shoal: task/v1
name: reviews
model: {name: shoal/tiny-bert, labels: 5}
data: {dataset: reviews, label: stars, first_label: 1}
train: {max_steps: 60}
swarm: {nodes: 3, sync_every: 16}
evaluate: {dataset: reviews-test, metrics: [accuracy, f1]}
"""
PROFILE = """\
shoal: profile/v1
host: hospital-a
nodes:
  - {name: node-1, output: out/1, datasets: {reviews: {path: a.csv}}}
  - {name: node-2, output: out/2, datasets: {reviews: {path: b.csv}}}
"""


def _task(old: str = "", new: str = "") -> Task:
    return read_task(TASK.replace(old, new).encode(), "t.yaml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("labels: 5", "lables: 5", "t.yaml:3: model.lables: there is no such key here. Do you mean labels?"),
        ("labels: 5", "labels: 1", "t.yaml:3: model.labels: '1' is refused"),
        (", labels: 5", "", "t.yaml:3: model.labels is missing"),
        ("max_steps: 60", 'max_steps: "60"', "t.yaml:5: train.max_steps: '60' is refused"),
        ("max_steps: 60", "max_steps: 60.0", "t.yaml:5: train.max_steps"),
        ("max_steps: 60", "max_steps: 60, precision: fp23", "Do you mean fp32?"),
        ("max_steps: 60", "batch_size: 8", "one of epochs and max_steps"),
        ("max_steps: 60", "epochs: 3", "needs swarm.rounds"),
        ("sync_every: 16", "rounds: 4", "follows from train.max_steps"),
        ("nodes: 3", "nodes: 3, min_nodes: 4", "t.yaml:6: swarm: min_nodes: 4 is more than nodes: 3"),
        ("nodes: 3", "nodes: 3, min_nodes: 2, deadline: wait", "Leave min_nodes out"),
        ("nodes: 3", "nodes: 3, codec: int4", "Do you mean int8?"),
        ("[accuracy, f1]", "[f1]", "select: accuracy is not among metrics"),
        ("shoal/tiny-bert", "/etc/passwd", "t.yaml:3: model.name"),
        ("task/v1", "profile/v1", "t.yaml:1: it says shoal: 'profile/v1'"),
        ("shoal: task/v1\n", "", "it does not say what it is"),
    ],
)
def test_a_task_that_cannot_work_is_refused_where_it_says_so(old: str, new: str, said: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        _task(old, new)
    assert said in str(refusal.value)


def test_all_that_is_wrong_with_a_file_is_said_at_once() -> None:
    with pytest.raises(FileRefused) as refusal:
        _task("max_steps: 60", "max_steps: 0, batch: 3, seed: x")
    assert len(str(refusal.value).splitlines()) == 3


def test_rounds_follow_from_steps_and_labels_from_numbers() -> None:
    task = _task()
    assert (task.rounds, task.sync_every) == (4, 16)
    assert task.label_names == ("1", "2", "3", "4", "5")
    assert _task("labels: 5", "labels: [bad, good]").label_names == ("bad", "good")
    assert (
        read_task(
            TASK.replace("max_steps: 60", "epochs: 3").replace("sync_every: 16", "rounds: 6").encode(), "t"
        ).rounds
        == 6
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("60", "61"), ("nodes: 3", "nodes: 4"), ("stars", "star"), ("tiny-bert", "small-bert"), ("16", "8")],
)
def test_whatever_a_task_says_is_in_the_hash_of_its_run(old: str, new: str) -> None:
    assert RunConfig.of_task(_task()).digest() == RunConfig.of_task(_task()).digest()
    assert RunConfig.of_task(_task()).digest() != RunConfig.of_task(_task(old, new)).digest()


def test_a_run_that_waits_never_goes_on_without_anybody() -> None:
    waiting = RunConfig.of_task(_task("nodes: 3", "nodes: 3, deadline: wait"))
    assert (waiting.min_nodes, waiting.drift_cap, waiting.is_paced) == (3, 16, False)
    adaptive = RunConfig.of_task(_task())
    assert (adaptive.min_nodes, adaptive.drift_cap, adaptive.is_paced) == (2, 64, True)


def test_a_profile_maps_names_to_this_hosts_files() -> None:
    profile = read_profile(PROFILE.encode(), "p.yaml")
    assert [node.name for node in profile.nodes] == ["node-1", "node-2"]
    found = profile.node("node-2")
    assert found is not None
    assert found.datasets["reviews"].path == "b.csv"
    assert profile.node("node-3") is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("node-2", "node-1", "two nodes have the name node-1"),
        ("out/2", "out/1", "two nodes have the output out/1"),
        ("{path: b.csv}", "{path: b.csv, mode: rw}", "p.yaml:5: nodes.1.datasets.reviews.mode: 'rw' is refused"),
        ("{path: b.csv}", "{paths: b.csv}", "Do you mean path?"),
        ("host: hospital-a", "host: Hospital A", "p.yaml:2: host"),
    ],
)
def test_a_profile_that_cannot_work_is_refused_where_it_says_so(old: str, new: str, said: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        read_profile(PROFILE.replace(old, new).encode(), "p.yaml")
    assert said in str(refusal.value)
