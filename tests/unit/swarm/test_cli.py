"""The root command finds commands by name, imports only the one that is called, and names a missing extra."""

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest

from shoal_base.command import run
from shoal_base.exits import ExitCode
from shoal_swarm import cli

Offer = Callable[..., None]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Install a command: a module with the given text, and its entry point."""
    offered: list[EntryPoint] = []
    monkeypatch.setattr(cli, "entry_points", lambda *, group: [entry for entry in offered if entry.group == group])
    monkeypatch.syspath_prepend(tmp_path)

    def install(name: str, module: str, text: str) -> None:
        (tmp_path / f"{module}.py").write_text(text)
        offered.append(EntryPoint(name=name, value=f"{module}:command", group=cli.COMMANDS))

    return install


HELLO = """
from shoal_base.command import Command, Reply
command = Command("hello", callback=lambda: Reply(["hello"], {"said": "hello"}), help="Says it.")
"""


def test_a_command_of_an_installed_package_is_found(offer: Offer, capsys: pytest.CaptureFixture[str]) -> None:
    offer("hello", "shoal_test_hello", HELLO)
    assert run(cli.shoal, ["hello", "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {"said": "hello"}


def test_help_lists_all_and_imports_none(offer: Offer, capsys: pytest.CaptureFixture[str]) -> None:
    offer("heavy", "shoal_test_heavy", "raise SystemExit('imported')")
    offer("alto", "shoal_test_alto", "raise SystemExit('imported')")
    assert run(cli.shoal, ["--help"]) == ExitCode.DONE
    assert "alto, heavy" in capsys.readouterr().out
    assert "shoal_test_heavy" not in sys.modules


@pytest.mark.parametrize(("package", "extra"), cli.EXTRA_OF_PACKAGE.items())
def test_a_missing_extra_is_named(
    package: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Absent(EntryPoint):
        def load(self) -> object:
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

    entry = Absent(name="train", value=f"{package}.cli:train", group=cli.COMMANDS)
    monkeypatch.setattr(cli, "entry_points", lambda **_: [entry])
    assert run(cli.shoal, ["train", "--json"]) == ExitCode.MISSING_PART
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert "torch, which is not installed" in message
    assert f"install shoal[{extra}]" in message


def test_a_module_of_ours_that_is_missing_is_our_defect(offer: Offer, capsys: pytest.CaptureFixture[str]) -> None:
    offer("broken", "shoal_test_broken", "import shoal_test_nowhere")
    assert run(cli.shoal, ["broken", "--json"]) == ExitCode.DEFECT
    assert "shoal_test_nowhere" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_word_that_is_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli.shoal, ["swimm"]) == ExitCode.USAGE
    assert "swimm" in capsys.readouterr().err


def test_the_version_and_the_exit_codes_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli.shoal, ["--version"]) == ExitCode.DONE
    assert version("shoal") in capsys.readouterr().out
    assert run(cli.shoal, ["--exit-codes"]) == ExitCode.DONE
    table = capsys.readouterr().out
    assert all(code.help in table for code in ExitCode)
