"""Trainer and peer may each die at any moment: nothing is trained twice, and all nodes end with the same bytes."""

import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.live.swarm import READY, Process, Swarm, swarm

RESULT = re.compile(r'^\{"result": "([0-9a-f]{64})", "ledger": (\d+)\}$')
TASK = """\
shoal: task/v1
name: demo
model: {name: shoal/tiny-bert, labels: 5}
data: {dataset: reviews}
train: {max_steps: 40}
swarm: {nodes: 3, sync_every: 16, deadline: wait, codec: CODEC}
evaluate: {dataset: reviews-test}
"""


def _trainer(one: Swarm, number: int) -> Process:
    name = f"node-{number}"
    link = one.folder / "home/state/demo/demo" / name / "link"
    task = one.run[-1]
    one.instead[f"trainer-{number}"] = [sys.executable, "-m", "tests.live.fake_trainer"]
    return one.start(f"trainer-{number}", "--task", task, "--node", name, "--link", str(link))


def _task(folder: Path, codec: str) -> str:
    path = folder / "task.yaml"
    path.write_text(TASK.replace("CODEC", codec))
    return str(path)


def _results(trainers: list[Process]) -> set[str]:
    """Adapter and length of the ledger that trainers got in the end."""
    assert all(trainer.wait() == 0 for trainer in trainers), "\n".join(trainer.story() for trainer in trainers)
    found = [match for trainer in trainers for line in trainer.lines if (match := RESULT.match(line))]
    assert len(found) == len(trainers)
    assert all(int(match[2]) > 3 for match in found)
    return {f"{match[1]} after {match[2]} entries" for match in found}


def _run(
    folder: Path, codec: str = "int8", *, disturbed: bool = False, faults: Mapping[str, str] | None = None
) -> tuple[str, str]:
    folder.mkdir()
    with swarm(folder, 3, "--task", _task(folder, codec)) as one:
        for name, fault in (faults or {}).items():
            one.environment[name] = {"SHOAL_FAULTS_ALLOWED": "yes", "SHOAL_FAULT": fault}
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        peers = [one.peer(number, address) for number in (1, 2, 3)]
        trainers = [_trainer(one, number) for number in (1, 2, 3)]
        if disturbed:
            peers[0].wait_for(re.compile("round 1: "))
            trainers[0].end(signal.SIGKILL)
            peers[1].end(signal.SIGKILL)
            trainers[0], peers[1] = _trainer(one, 1), one.peer(2, address)
        (result,) = _results(trainers)
        assert all(peer.wait() == 0 for peer in peers), "\n".join(peer.story() for peer in peers)
        last = {peer.adapters()[3] for peer in peers}
        assert len(last) == 1
        facts = one.ask("ledger", "show", "--swarm", "demo", "--run", "demo")
        assert len([entry for entry in facts["entries"] if entry["says"].startswith("committed")]) == 4
        return result.partition(" ")[0], last.pop()


def test_three_trainers_and_their_peers_swim_and_all_get_the_same_adapter(tmp_path: Path) -> None:
    assert _run(tmp_path / "plain") == _run(tmp_path / "disturbed", disturbed=True)


@pytest.mark.full
def test_a_slow_disk_keeps_no_entry_of_the_ledger_from_the_result(tmp_path: Path) -> None:
    slow = ";".join(f"delay:0.2 before#{number} peer appends ledger" for number in range(1, 30))
    _run(tmp_path / "slow", faults={"sentinel": "delay:1 before sentinel writes Ended", "node-2": slow})


def test_a_trainer_with_another_task_is_declined_in_words(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, "--task", _task(tmp_path, "fp32")) as one:
        sentinel = one.sentinel()
        peer = one.peer(1, sentinel.wait_for(READY)[1])
        other = tmp_path / "other.yaml"
        other.write_text(Path(one.run[-1]).read_text().replace("40", "41"))
        one.run[-1] = str(other)
        trainer = _trainer(one, 1)
        assert trainer.wait() == 1
        assert "Start both with the same task" in trainer.story()
        assert peer.end(signal.SIGTERM) == 0, "a peer that waits for its first trainer can be asked to end"
