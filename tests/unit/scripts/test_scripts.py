"""Every script parses, can be started, and does what the README says it does."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

SOURCED = {"shoal-env"}
SCRIPTS = [*sorted(file for file in (ROOT / "scripts").iterdir() if file.suffix != ".md"), ROOT / ".ci/run"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_it_parses_and_can_be_started_unless_it_is_sourced(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert bool(script.stat().st_mode & 0o111) != (script.name in SOURCED)


@pytest.mark.parametrize("script", [script for script in SCRIPTS if script.name not in SOURCED], ids=lambda s: s.name)
def test_it_stops_at_the_first_command_that_fails(script: Path) -> None:
    assert "set -euo pipefail" in script.read_text()


@pytest.mark.full
@pytest.mark.timeout(600)
def test_the_readme_line_for_certificates_does_what_it_says(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text().splitlines()
    line = next(line for line in page if line.startswith("$ scripts/gen-cert")).removeprefix("$ ")
    made = subprocess.run(
        ["bash", "-c", f"{ROOT}/{line.replace('DIR', 'made')}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert {"authority", "capath", "sentinel-1", "node-1", "node-3"} <= {
        file.name for file in (tmp_path / "made").iterdir()
    }
    verify = [ROOT / ".venv/bin/shoal", "certs", "verify", tmp_path / "made", "--json"]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "error" not in json.loads(verified.stdout)
