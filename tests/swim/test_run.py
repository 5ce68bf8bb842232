"""`shoal run` teaches a model on private data: same adapter everywhere, figures that add up, nothing left running."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.swim.swimming import SHOAL, below, digests, kill, summary, swim

SMALL = ("--nodes", "2", "--rounds", "2")
ENCODED = 4581
"""What an adapter of the embedded model takes on the wire as int8; as float32 it is four times that."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run that is over."""
    folder = tmp_path_factory.mktemp("small")
    with swim(folder, *SMALL) as run:
        assert run.wait() == 0, run.story()
        assert not below(run.popen.pid)
    return folder


def test_all_nodes_hold_the_same_adapter_and_the_summary_has_every_round(finished: Path) -> None:
    found = summary(finished)
    assert len(digests(finished)) == 1
    assert found["adapter"] in digests(finished)
    assert [one["round"] for one in found["rounds"]] == [0, 1, 2]
    assert [one["contributors"] for one in found["rounds"]] == [1, 2, 2]
    for one in found["rounds"][1:]:
        assert set(one["seconds"]) == {"offered", "frozen", "cut", "committed", "applied"}
        for figures in one["bytes"].values():
            assert figures["encoded"] == ENCODED
            assert 0 < figures["content"] <= 2 * 2 * ENCODED, "adapters travel at the codec's size, and no model does"
    files = {path.name: path.read_bytes() for path in (finished / "out/node-1/adapter").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (finished / "out/node-2/adapter").iterdir()}


def test_a_finished_run_is_not_run_again(finished: Path) -> None:
    before = summary(finished)
    with swim(finished, *SMALL) as run:
        assert run.wait() == 0, run.story()
        assert "sentinel is ready" not in run.story().split("All figures")[-2]
    assert summary(finished) == before


def test_a_folder_of_another_run_is_left_alone(finished: Path) -> None:
    with swim(finished, "--nodes", "2", "--rounds", "3") as run:
        assert run.wait() == 3
        assert "holds a run with other options" in run.story()


def test_the_adapter_answers_with_labels_as_the_data_had_them(finished: Path) -> None:
    command = [*SHOAL, "predict", str(finished / "out/node-2/adapter"), "A wonderful film!", "Dull.", "--json"]
    answers = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["predictions"]
    assert {answer["label"] for answer in answers} <= set("12345")
    assert all(abs(sum(answer["probabilities"].values()) - 1) < 1e-6 for answer in answers)


def test_a_dry_run_says_what_it_would_start_and_changes_nothing(tmp_path: Path) -> None:
    with swim(tmp_path, "--dry-run", "--baselines") as run:
        assert run.wait() == 0
        assert run.story().count("  shoal ") == 1 + 3 + 4
    assert not (tmp_path / "out").exists()


@pytest.mark.full
def test_who_presses_ctrl_c_goes_on_later_with_the_same_command(finished: Path, tmp_path: Path) -> None:
    with swim(tmp_path, *SMALL) as run:
        run.until("round  1 of 2")
        run.popen.terminate()
        assert run.wait() == 130
        assert "the same command goes on" in run.story()
        assert not below(run.popen.pid)
    with swim(tmp_path, *SMALL) as run:
        assert run.wait() == 0, run.story()
    assert digests(tmp_path) == digests(finished)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_killing_anybody_at_any_time_changes_nothing_in_the_result(tmp_path: Path) -> None:
    options = ("--nodes", "3", "--rounds", "5")
    with swim(tmp_path / "calm", *options) as run:
        assert run.wait() == 0, run.story()
    with swim(tmp_path / "killed", *options) as run:
        run.until("round  1 of 5")
        kill(run.find("train", "node-1").pid)
        run.until("the trainer of node-1 was killed by SIGKILL")
        run.until("round  2 of 5")
        kill(run.find("peer", str(_identity(tmp_path, "node-2"))).pid)
        run.until("the peer of node-2 was killed by SIGKILL")
        run.until("round  3 of 5")
        kill(run.find("sentinel").pid)
        run.until("the sentinel was killed by SIGKILL")
        run.until("round  4 of 5")
        node = run.find("node", str(_identity(tmp_path, "node-3")))
        for one in (node, *below(node.pid)):
            kill(one.pid)
        run.until("node-3 was killed by SIGKILL")
        assert run.wait() == 0, run.story()
    assert digests(tmp_path / "killed") == digests(tmp_path / "calm")


def _identity(folder: Path, node: str) -> Path:
    return folder / "killed/out/home/certs/reviews" / node / "key.pem"
