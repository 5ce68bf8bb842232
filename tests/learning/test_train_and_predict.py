"""`shoal train`, also killed, leaves the figures of every round and an adapter that answers with the data's labels."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL
from time import monotonic, sleep
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_node.adapter.folder import WEIGHTS, weights_bytes
from shoal_node.adapter.sites import Sites
from shoal_node.cli.predict import predict as predict_command
from shoal_node.cli.train import train as train_command
from shoal_node.data.labels import Labels
from shoal_node.data.tables import write_table
from shoal_node.recipes.metrics import probabilities
from shoal_node.recipes.text_classification import Job, losses
from shoal_node.results.predicting import predict
from tests.learning.workbench import COLUMNS, held_out, job, reviews, task, task_text

STEPS, SYNC_EVERY = 18, 3
ROUNDS = STEPS // SYNC_EVERY
TRAIN, SWARM = f"max_steps: {STEPS}", f"sync_every: {SYNC_EVERY}, codec: fp32"
PATIENCE_S, POLL_S = 90.0, 0.002
PROFILE = """
shoal: profile/v1
host: here
nodes:
  - {name: one, output: one, datasets: {train: {path: one.csv}, test: {path: test.csv}}}
  - {name: two, output: two, datasets: {train: {path: two.csv}, test: {path: test.csv}}}
"""


def _words(folder: Path, *more: str) -> list[str]:
    return ["--task", str(folder / "task.yaml"), "--profile", str(folder / "profile.yaml"), *more]


def _started(words: list[str], home: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "SHOAL_HOME": str(home), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-m", "shoal_swarm.cli", "train", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _filled(place: Path) -> Path:
    """A task, a profile and data for it."""
    (place / "task.yaml").write_text(task_text(TRAIN, SWARM))
    (place / "profile.yaml").write_text(PROFILE)
    for name, table in (("one", reviews(0)), ("two", reviews(1)), ("test", held_out())):
        write_table(place / f"{name}.csv", COLUMNS, table.rows)
    return place


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task that one node has trained alone."""
    place = _filled(tmp_path_factory.mktemp("trained"))
    done = CliRunner().invoke(train_command, _words(place, "--node", "one", "--alone", "--out", str(place / "out")))
    assert done.exit_code == 0, done.output
    return place


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, list[Any]]:
    """The same by a Trainer without Shoal."""
    mine = job(task(TRAIN, SWARM))
    trainer = mine.trainer(tmp_path_factory.mktemp("plain"))
    trainer.train()
    return mine, list(losses(trainer))


@pytest.fixture
def metrics(folder: Path) -> dict[str, Any]:
    """What it measured."""
    found: dict[str, Any] = json.loads((folder / "out/metrics.json").read_text())
    return found


def test_the_command_learns_what_plain_training_learns(folder: Path, plain: tuple[Job, list[Any]]) -> None:
    _is_plain(folder, plain)


@pytest.mark.full
def test_so_does_a_process_that_was_killed_and_started_again(tmp_path: Path, plain: tuple[Job, list[Any]]) -> None:
    words = _words(_filled(tmp_path), "--node", "one", "--alone", "--out", str(tmp_path / "out"))
    deadline = monotonic() + PATIENCE_S
    with _started(words, tmp_path / "home") as first:
        while not list((tmp_path / "out").glob(f"checkpoints/*/checkpoint-{2 * SYNC_EVERY}")):
            assert first.poll() is None, first.communicate()
            assert monotonic() < deadline
            sleep(POLL_S)
        first.kill()
    assert first.returncode == -SIGKILL
    assert not (tmp_path / "out/adapter").exists()
    with _started(words, tmp_path / "home") as second:
        said = second.communicate(timeout=PATIENCE_S)[0].decode()
    assert second.returncode == 0, said
    _is_plain(tmp_path, plain)


def _is_plain(folder: Path, plain: tuple[Job, list[Any]]) -> None:
    """Every loss, and every bit of the adapter."""
    sites = Sites.of(plain[0].model)
    assert json.loads((folder / "out/metrics.json").read_text())["losses"] == plain[1]
    assert (folder / "out/adapter" / WEIGHTS).read_bytes() == weights_bytes(sites, sites.read())


def test_every_round_is_measured_before_and_after_its_merge(metrics: dict[str, Any]) -> None:
    expected = [(number, is_merged) for number in range(ROUNDS) for is_merged in (True, False)] + [(ROUNDS, True)]
    assert [(one["round"], one["is_merged"]) for one in metrics["rounds"]] == expected
    assert all(set(one["metrics"]) == {"accuracy", "f1", "loss"} for one in metrics["rounds"])
    assert metrics["final"] == metrics["rounds"][-1]["metrics"]
    assert metrics["examples"] == 40
    assert metrics["majority"] == 6 / 30
    for own, merged in zip(metrics["rounds"][1::2], metrics["rounds"][2::2], strict=True):
        assert own["metrics"] == merged["metrics"], "a swarm of one merges nothing into its work"


def test_nothing_is_left_but_the_result(folder: Path) -> None:
    assert {path.name for path in (folder / "out").iterdir()} == {"adapter", "metrics.json"}


def test_answers_are_labels_as_the_data_had_them(folder: Path, plain: tuple[Job, list[Any]]) -> None:
    texts = held_out().column("text")[:8]
    mine = plain[0]
    believed = probabilities(mine.model, mine.tokenizer, mine.test_examples, len(texts), len(texts))
    answers = predict(folder / "out/adapter", texts, {}, folder / "home/models")
    assert [answer.label for answer in answers] == [str(1 + row.argmax()) for row in believed]
    for answer, row in zip(answers, believed, strict=True):
        assert list(answer.probabilities) == list("12345")
        assert list(answer.probabilities.values()) == pytest.approx(list(row), abs=1e-5)


def test_the_command_reads_texts_or_lines(folder: Path) -> None:
    adapter = str(folder / "out/adapter")
    for words, lines in ((["Fine.", "Dull."], None), ([], "Fine.\nDull.\n")):
        done = CliRunner().invoke(predict_command, [adapter, *words, "--json"], input=lines)
        answers = json.loads(done.stdout)["predictions"]
        assert [answer["text"] for answer in answers] == ["Fine.", "Dull."]
    nothing = CliRunner().invoke(predict_command, [adapter], input="")
    assert isinstance(nothing.exception, InputRefused)


def _told(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> object:
        path = folder / "shoal.json"
        return path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "labels in another order": (_told(labels=list("54321")), "labels in .* are 5, 4, 3, 2, 1, and the adapter learned"),
    "fewer labels": (_told(labels=list("12")), "labels in .* are 1, 2, and the adapter learned"),
    "another base": (_told(base_digest="00" * 32), "The base model in .* was trained on 000000000000"),
    "another tokenizer": (_told(tokenizer_digest="00" * 32), "The tokenizer in .* was trained on 000000000000"),
    "a base that is not here": (_told(base_model="some/model"), "some/model is not on this machine"),
    "something new": (_told(surprise=1), r"shoal\.json is refused"),
    "texts without any words": (_told(max_length=-1), r"shoal\.json is refused"),
    "half a page": (lambda folder: (folder / "shoal.json").write_text('{"shoal"'), r"shoal\.json is refused"),
    "no page": (lambda folder: (folder / "shoal.json").unlink(), r"shoal\.json cannot be read"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), f"{WEIGHTS} cannot be read"),
}


@pytest.mark.parametrize("what", ODD)
def test_a_folder_that_does_not_fit_together_answers_nothing(what: str, folder: Path, tmp_path: Path) -> None:
    change, said = ODD[what]
    odd = shutil.copytree(folder / "out/adapter", tmp_path / "odd")
    change(odd)
    with pytest.raises((InputRefused, PlaceRefused), match=said):
        predict(odd, ["Fine."], {}, tmp_path)


def test_nodes_compare_the_names_of_their_classes() -> None:
    assert job(task(TRAIN, SWARM)).fit_now().labels == Labels(tuple("12345")).digest()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--node", "one"], "give --link, --alone or --pooled"),
        (["--node", "one", "--alone", "--pooled", "--out", "o"], "give --link, --alone or --pooled"),
        (["--alone", "--out", "o"], "Whose data are these"),
        (["--node", "one", "--alone"], "need --out FOLDER"),
        (["--node", "three", "--alone", "--out", "o"], "There is no node three in the profile of here"),
    ],
)
def test_a_command_that_leaves_something_open_is_refused(words: list[str], said: str, folder: Path) -> None:
    done = CliRunner().invoke(train_command, _words(folder, *words))
    assert isinstance(done.exception, InputRefused)
    assert said in str(done.exception)


def test_pooled_training_has_the_data_of_all_nodes(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(train_command, _words(folder, "--pooled", "--out", str(tmp_path), "--json"))
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "metrics.json").read_text())["examples"] == 80
