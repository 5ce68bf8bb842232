"""The README's commands for a swarm whose adapters are made up work as they are written there."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT
from tests.live.swarm import READY, Process

WORDS = ("scripts/gen-cert", "scripts/run-sn", "scripts/run-node", "shoal ")


def _lines(folder: Path) -> list[str]:
    """What the section on several machines has people type, but for the swarm that learns."""
    page = (ROOT / "README.md").read_text().partition("## Several machines\n")[2].partition("\n## ")[0].splitlines()
    typed = [line.removeprefix("$ ") for line in page if line.startswith("$ ") and "--task" not in line]
    typed = [line for line in typed if "--run reviews" not in line]
    return [line.replace("DIR", str(folder / "made")) for line in typed if line.startswith(WORDS)]


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("default_ports")
def test_the_first_swarm_of_the_readme(tmp_path: Path) -> None:
    lines = _lines(tmp_path)
    environment = {**os.environ, "SHOAL_HOME": str(tmp_path / "home"), "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}

    def typed(word: str) -> list[list[str]]:
        return [shlex.split(line) for line in lines if line.startswith(word)]

    certificates = typed("scripts/gen-cert")[0]
    subprocess.run(certificates, cwd=ROOT, env=environment, check=True, capture_output=True)
    sentinel = Process(typed("scripts/run-sn")[0], tmp_path, "sentinel", command=[])
    nodes: list[Process] = []
    try:
        sentinel.wait_for(READY)
        for number, line in enumerate(typed("scripts/run-node"), 1):
            nodes.append(Process(line, tmp_path, f"node-{number}", command=[]))
        subprocess.run(["shoal", "health"], env=environment, check=True, capture_output=True)
        assert [node.wait() for node in nodes] == [0, 0, 0], nodes[0].story()
        assert nodes[0].adapters().keys() == {0, 1, 2, 3}
        assert all(node.adapters() == nodes[0].adapters() for node in nodes)
        for line in (*typed("shoal status"), *typed("shoal watch"), *typed("shoal ledger")):
            subprocess.run(line, env=environment, check=True, capture_output=True)
    finally:
        for process in (*nodes, sentinel):
            process.end()
