"""An environment is made once, kept while it fits, brought up to date when it does not, and never half-made."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

# Writes down how it was called, and makes of `-m venv` an environment with itself as its Python.
PYTHON = """#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
    --version) echo "Python 3.11.99" ;;
    "-m venv "*) for place; do :; done; mkdir -p "$place/bin"; cp "$0" "$place/bin/python" ;;
    "-m pip "*) [ ! -e "{log}.offline" ] ;;
esac
"""


class Checkout:
    """A checkout with a Python that only pretends."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        (self.root / "scripts").mkdir(parents=True)
        for name in ("pyproject.toml", "constraints.txt", "scripts/shoal-env"):
            shutil.copy(ROOT / name, self.root / name)
        self.python = folder / "python"
        self.log = folder / "calls"
        self.python.write_text(PYTHON.format(log=self.log))
        self.python.chmod(0o700)

    def shoal_env(self, *extras: str, python: Path | None = None) -> subprocess.CompletedProcess[str]:
        self.log.write_text("")
        script = f'set -eu; . "{self.root}/scripts/shoal-env"; shoal_env {" ".join(extras)}; command -v python; pwd'
        return subprocess.run(
            ["bash", "-c", script],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "SHOAL_PYTHON": str(python or self.python)},
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> list[str]:
        """What pip was last asked to install, if it was."""
        return [call.rpartition(f"{self.root}")[2] for call in self.log.read_text().splitlines() if "-m pip" in call]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_it_is_made_once_and_costs_nothing_afterwards(checkout: Checkout) -> None:
    first = checkout.shoal_env("dev")
    assert first.returncode == 0, first.stderr
    assert checkout.installed() == ["[dev]"]
    second = checkout.shoal_env("dev")
    assert checkout.installed() == []
    assert second.stderr == ""
    assert second.stdout.splitlines() == [f"{checkout.root}/.venv/bin/python", "/"], "the caller stays where it is"


def test_a_script_that_needs_less_is_content_with_more(checkout: Checkout) -> None:
    checkout.shoal_env("dev")
    assert checkout.shoal_env().returncode == 0
    assert checkout.installed() == []


def test_a_script_that_needs_more_keeps_what_others_asked_for(checkout: Checkout) -> None:
    checkout.shoal_env()
    assert checkout.installed() == [""]
    checkout.shoal_env("dev")
    assert checkout.installed() == ["[dev]"]
    checkout.shoal_env("orchestrator")
    assert checkout.installed() == ["[dev,orchestrator]"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_it_is_brought_up_to_date_when_what_decides_it_changes(checkout: Checkout, name: str) -> None:
    checkout.shoal_env("dev")
    with (checkout.root / name).open("a") as file:
        file.write("# changed\n")
    checkout.shoal_env()
    assert checkout.installed() == ["[dev]"]


def test_an_install_that_failed_is_done_again(checkout: Checkout) -> None:
    offline = checkout.log.with_name(f"{checkout.log.name}.offline")
    offline.touch()
    assert checkout.shoal_env("dev").returncode != 0
    offline.unlink()
    assert checkout.shoal_env("dev").returncode == 0
    assert checkout.installed() == ["[dev]"]


def test_a_python_that_will_not_do_is_named(checkout: Checkout) -> None:
    refused = checkout.shoal_env("dev", python=Path("/bin/false"))
    assert refused.returncode != 0
    assert "/bin/false is not Python 3.11 or newer" in refused.stderr
    assert "SHOAL_PYTHON" in refused.stderr
