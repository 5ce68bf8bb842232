"""The linters, the formatter, the type checker and the import contracts find nothing to say about this tree."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

# Each gate also runs by itself, from the root of the checkout, under the name it has here.
GATES = {
    "ruff check": ["ruff", "check"],
    "ruff format --check": ["ruff", "format", "--check"],
    "mypy": ["mypy"],
    "lint-imports": ["lint-imports"],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("gate", GATES)
def test_gate(gate: str) -> None:
    program, *arguments = GATES[gate]
    run = subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f"`{gate}` refuses:\n{run.stdout}{run.stderr}"
