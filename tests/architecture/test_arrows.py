"""Every import contract and every banned call refuses a planted offender and names its file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

TOOLS = Path(sys.executable).parent
ROLES = ("certs", "swarm", "node", "orchestrator")

# where the offender is planted, what it says, and the contract that must catch it
OFFENDERS = [
    ("swarm/shoal_base", "import shoal_certs", "packages stand on each other"),
    ("certs/shoal_certs", "import shoal_swarm", "packages stand on each other"),
    ("swarm/shoal_swarm/peer", "import shoal_node", "packages stand on each other"),
    ("node/shoal_node", "import shoal_orchestrator", "packages stand on each other"),
    ("orchestrator/shoal_orchestrator", "import shoal_node", "packages stand on each other"),
    ("swarm/shoal_swarm/sentinel", "import shoal_swarm.peer", "inside the swarm"),
    ("swarm/shoal_swarm/transport", "import shoal_swarm.register", "inside the swarm"),
    ("swarm/shoal_swarm/register", "import shoal_swarm.sentinel", "inside the swarm"),
    ("swarm/shoal_swarm/protocol", "import shoal_swarm.merge", "inside the swarm"),
    ("swarm/shoal_swarm/merge", "import shoal_swarm.spec", "inside the swarm"),
    ("swarm/shoal_swarm/spec", "import shoal_swarm.merge", "inside the swarm"),
    ("orchestrator/shoal_orchestrator", "import shoal_swarm.sentinel", "processes start each other"),
    ("node/shoal_node", "import shoal_swarm.peer", "processes start each other"),
    ("swarm/shoal_swarm/transport", "import shoal_swarm.protocol.base", "transport knows messages and roles"),
    ("swarm/shoal_swarm/protocol", "import time", "are pure"),
    ("swarm/shoal_swarm/protocol", "import asyncio", "are pure"),
    ("swarm/shoal_swarm/merge", "import random", "are pure"),
    ("swarm/shoal_swarm/merge", "import torch", "are pure"),
    ("swarm/shoal_swarm/spec", "import pathlib", "are pure"),
    ("swarm/shoal_swarm/spec", "import shoal_base.settings", "are pure"),
    ("swarm/shoal_swarm/protocol", "import shoal_certs.signing", "are pure"),
    ("swarm/shoal_swarm/sentinel", "import torch", "models are learned"),
    ("orchestrator/shoal_orchestrator", "import transformers", "models are learned"),
    ("node/shoal_node", "import docker", "containers are started"),
    ("swarm/shoal_swarm/transport", "import cryptography.x509", "cryptography is named"),
    ("swarm/shoal_swarm/sentinel", "import sqlalchemy", "SQL is spoken"),
    ("swarm/shoal_swarm/sentinel", "import zmq", "ZeroMQ is spoken"),
    ("swarm/shoal_swarm/cli", "import shoal_certs", "the root command"),
    ("swarm/shoal_base/errors", "import click", "errors and exit codes"),
]

# where, what it says, and whether the line is a matter of lint there
CALLS = [
    ("swarm/shoal_swarm/protocol/planted.py", "import time\nNOW = time.monotonic()\n"),
    ("swarm/shoal_swarm/merge/planted.py", "import numpy as np\nDICE = np.random.default_rng()\n"),
    ("certs/shoal_certs/planted.py", "import datetime as dt\nNOW = dt.datetime.now(dt.UTC)\n"),
    ("certs/shoal_certs/planted.py", "from datetime import datetime, UTC\nNOW = datetime.now(UTC)\n"),
    ("swarm/shoal_swarm/spec/planted.py", "import os\nNONCE = os.urandom(16)\n"),
    ("swarm/shoal_swarm/peer/planted.py", "import random\n"),
    ("swarm/shoal_swarm/peer/planted.py", "import uuid\n"),
    ("swarm/shoal_swarm/peer/planted.py", "import asyncio\nTASK = asyncio.create_task\n"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the contracts look at."""
    copy = tmp_path_factory.mktemp("tree")
    for role in ROLES:
        shutil.copytree(ROOT / role, copy / role, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


@pytest.mark.parametrize(("place", "line", "contract"), OFFENDERS, ids=lambda value: value.replace("/", "."))
def test_a_planted_import_breaks_its_contract(tree: Path, place: str, line: str, contract: str) -> None:
    module = tree / f"{place}.py"
    planted = module if module.exists() else tree / place / "planted.py"
    before = planted.read_text() if planted.exists() else None
    planted.write_text(f"{before or ''}\n{line}\n")
    try:
        said = _lint_imports(tree)
    finally:
        planted.unlink() if before is None else planted.write_text(before)
    broken = [text for text in said.splitlines() if " BROKEN" in text]
    assert any(contract in text for text in broken), said
    assert f"{place.partition('/')[2].replace('/', '.')}{'' if before else '.planted'} -> " in said


@pytest.mark.parametrize(("place", "text"), CALLS)
def test_a_banned_call_is_found_where_it_stands(place: str, text: str) -> None:
    run = subprocess.run(
        [TOOLS / "ruff", "check", "--select", "TID251", "--stdin-filename", place, "-"],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{place}:" in run.stdout


def _lint_imports(tree: Path) -> str:
    paths = os.pathsep.join(str(tree / role) for role in ROLES)
    run = subprocess.run(
        [TOOLS / "lint-imports", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr
