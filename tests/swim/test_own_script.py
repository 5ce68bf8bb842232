"""A script of one's own takes part in a swarm with the commands of its example, as they are written there."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT
from tests.live.swarm import READY, Process

EXAMPLE = ROOT / "examples/own-script"


def _typed(folder: Path) -> list[list[str]]:
    page = (EXAMPLE / "README.md").read_text().replace("DIR", str(folder / "made")).splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in page if line.startswith("$ ")]


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("default_ports")
def test_two_scripts_swim_one_is_killed_and_both_hold_the_same_adapter(tmp_path: Path) -> None:
    made = tmp_path / "made"
    environment = {**os.environ, "SHOAL_HOME": str(tmp_path / "home"), "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}
    for line in (
        f"scripts/gen-cert --swarm demo --host 127.0.0.1 --nodes 2 --out {made}",
        f"shoal data reviews --nodes 2 --examples 200 --out {made}/data",
    ):
        subprocess.run(shlex.split(line), cwd=ROOT, env=environment, check=True, capture_output=True)
    first, *others = _typed(tmp_path)
    processes = [Process(first, tmp_path, "sentinel", command=[])]
    try:
        processes[0].wait_for(READY)
        for number, words in enumerate(others):
            setting = dict([words.pop(0).split("=")]) if "=" in words[0] else {}
            own = {"PATH": environment["PATH"], "OMP_NUM_THREADS": "1", **setting}
            processes.append(Process(words, tmp_path, f"p{number}", command=[], environment=own))
        processes[1].wait_for(re.compile("round 1: "))
        killed = processes.pop()
        killed.end(signal.SIGKILL)
        processes.append(Process(killed.arguments, tmp_path, "again", command=[], environment=killed.environment))
        assert [process.wait() for process in processes[1:]] == [0] * 4, "\n".join(p.story() for p in processes)
    finally:
        for process in processes:
            process.end()
    adapters = [{path.name: path.read_bytes() for path in (made / f"out-{n}/adapter").iterdir()} for n in (1, 2)]
    assert adapters[0] == adapters[1]
    assert set(adapters[0]) == {"adapter_model.safetensors", "adapter_config.json", "ledger.jsonl"}


def test_the_example_stays_short() -> None:
    lines = (EXAMPLE / "train.py").read_text().splitlines()
    assert len(lines) <= 40
    assert sum("shoal" in line.lower() and "import" in line for line in lines) <= 2
