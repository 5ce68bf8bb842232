"""The README's commands for a run on one machine, and for one with three parties, work as they are written there."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT
from tests.live.swarm import READY, Process

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]


def _typed(section: str, folder: Path) -> list[list[str]]:
    """The commands of the first block of a section, with its places put into `folder`."""
    page = (ROOT / "README.md").read_text().partition(f"## {section}\n")[2]
    found = re.search(r"```console\n(.*?)```", page, re.DOTALL)
    assert found is not None
    block = re.sub(r"\bDIR\b|\bmine\b", str(folder / "mine"), found[1])
    block = block.replace("TASK", str(folder / "mine/task.yaml")).replace("PROFILE", str(folder / "mine/profile.yaml"))
    return [shlex.split(line.removeprefix("$ ")) for line in block.splitlines()]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "SHOAL_HOME": str(folder / "home"), "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}


def _done(words: list[str], folder: Path) -> str:
    done = subprocess.run(
        words, cwd=ROOT, env=_environment(folder), check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_on_one_machine(tmp_path: Path) -> None:
    *preparing, run, predict = _typed("Your own data, on one machine", tmp_path)
    for words in preparing:
        _done(words, tmp_path)
    table = _done(run, tmp_path)
    assert "2 nodes hold the same adapter, byte for byte" in table
    assert "pooled" in table
    assert re.match(r"[1-5] +\d+\.\d% +A wonderful film", _done(predict, tmp_path))


@pytest.mark.usefixtures("default_ports")
def test_three_parties_without_an_orchestrator(tmp_path: Path) -> None:
    certificates, sentinel, *others = _typed("Several machines", tmp_path)
    nodes = [words for words in others if words[0] == "scripts/run-node"]
    looks = [words for words in others if words[0] == "shoal"]
    assert (len(nodes), len(looks)) == (3, 4)
    mine = tmp_path / "mine"
    _done(["shoal", "init", "--out", str(mine), "--rounds", "3"], tmp_path)
    _done(["shoal", "data", "reviews", "--out", str(mine / "data")], tmp_path)
    _done(certificates, tmp_path)
    path = {"PATH": _environment(tmp_path)["PATH"]}
    started = [Process(sentinel, tmp_path, "sentinel", command=[], environment=path)]
    try:
        started[0].wait_for(READY)
        started += [
            Process(words, tmp_path, f"node-{number}", command=[], environment=path)
            for number, words in enumerate(nodes, 1)
        ]
        codes = [node.popen.wait(240) for node in started[1:]]
        assert codes == [0, 0, 0], "\n".join(node.story() for node in started)
        for words in looks:
            _done(words, tmp_path)
    finally:
        for process in started:
            process.end()
    adapters = [(mine / f"node-{n}/adapter/adapter_model.safetensors").read_bytes() for n in (1, 2, 3)]
    assert len(set(adapters)) == 1
