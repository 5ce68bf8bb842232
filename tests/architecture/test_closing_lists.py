"""A run of the tests ends with every skip and its reason, and with how many tests of each size were left out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

TESTS = """
import pytest

def test_small(): pass

@pytest.mark.skipif(True, reason="there is no GPU here")
def test_gpu(): pass

@pytest.mark.full
def test_slow(): pytest.skip("no docker daemon answers")

@pytest.mark.nightly
def test_soak(): pass

@pytest.mark.full
@pytest.mark.nightly
def test_slow_soak(): pass
"""
NO_GPU = "skipped: test_sizes.py::test_gpu: there is no GPU here"
NO_DOCKER = "skipped: test_sizes.py::test_slow: no docker daemon answers"
ALONE: list[str] = []
TWO_WORKERS = ["-p", "xdist", "-n", "2"]


def left_out(*, full: int, nightly: int) -> list[str]:
    return [
        f"left out: {full} marked full (scripts/test --full)",
        f"left out: {nightly} marked nightly (scripts/test --nightly)",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (tmp_path / "test_sizes.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  full: slow\n  nightly: soak\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (ALONE, [NO_GPU, *left_out(full=1, nightly=2)]),
        (TWO_WORKERS, [NO_GPU, *left_out(full=1, nightly=2)]),
        ([*TWO_WORKERS, "--full"], [NO_GPU, NO_DOCKER, *left_out(full=0, nightly=2)]),
        ([*ALONE, "--nightly"], [NO_GPU, NO_DOCKER, *left_out(full=0, nightly=0)]),
        ([*ALONE, "-k", "small"], ["nothing was skipped", *left_out(full=0, nightly=0)]),
    ],
)
def test_the_end_says_what_did_not_run(folder: Path, arguments: list[str], end: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", *arguments]
    quick = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    said = subprocess.run(command, cwd=folder, env=quick, capture_output=True, text=True, check=False).stdout
    assert said.splitlines()[-len(end) :] == end
    assert "skipped and left out" in said.splitlines()[-len(end) - 1]
