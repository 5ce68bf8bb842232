"""A command prints its reply once, in words or as one JSON object, and ends with the number that its error carries."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from shoal_base.command import Group, Reply, run
from shoal_base.errors import IdentityRefused, ProblemsFound, Unavailable
from shoal_base.exits import ExitCode


@click.group(cls=Group)
def shore() -> None:
    """Commands that end in every way there is."""


@shore.command()
@click.option("--count", type=int, default=3)
def shells(count: int) -> Reply:
    """Ends well."""
    facts = {"shells": count, "at": Path("beach"), "since": datetime(2026, 11, 21, 8, tzinfo=UTC)}
    return Reply([f"{count} shells", "Next: `shore dry`"], facts)


@shore.group()
def deep() -> None:
    """A group in a group."""


@deep.command()
def dive() -> Reply:
    """Ends well, further down."""
    return Reply(["wet"], {"wet": True})


@shore.command()
@click.argument("way")
def end(way: str) -> Reply:
    """Ends badly."""
    ways: dict[str, BaseException] = {
        "identity": IdentityRefused("node/ana is revoked. Ask for a new certificate."),
        "away": Unavailable("The sentinel at 10.0.0.1:30304 is away. Try again later."),
        "problems": ProblemsFound("1 problem:", ["crl.pem is old"]),
        "defect": ZeroDivisionError("division by zero"),
        "file": click.FileError("task.yaml", "it is a folder"),
        "ctrl-c": KeyboardInterrupt(),
    }
    raise ways[way]


@shore.command()
@click.pass_context
def leave(context: click.Context) -> Reply:
    """Ends through click."""
    context.exit(4)


ENDS = {
    "identity": ExitCode.IDENTITY,
    "away": ExitCode.UNAVAILABLE,
    "problems": ExitCode.PROBLEMS,
    "defect": ExitCode.DEFECT,
    "file": ExitCode.INPUT,
    "ctrl-c": ExitCode.INTERRUPTED,
}


def test_a_reply_is_lines_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shore, ["shells"]) == ExitCode.DONE
    assert capsys.readouterr() == ("3 shells\nNext: `shore dry`\n", "")


@pytest.mark.parametrize("arguments", [["shells", "--json", "--count=5"], ["shells", "--count", "5", "--json"]])
def test_and_one_object_for_a_program(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shore, arguments) == ExitCode.DONE
    answer = {"shells": 5, "at": "beach", "since": "2026-11-21T08:00:00+00:00"}
    assert json.loads(capsys.readouterr().out) == answer


def test_commands_of_groups_in_groups_are_of_the_same_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shore, ["deep", "dive", "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {"wet": True}


@pytest.mark.parametrize(("way", "code"), ENDS.items())
def test_an_error_ends_with_its_number_and_its_sentence(
    way: str, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shore, ["end", way]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "error: " in said.err


@pytest.mark.parametrize(("way", "code"), ENDS.items())
def test_with_json_the_error_is_the_one_object(way: str, code: ExitCode, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shore, ["end", way, "--json"]) == code
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["exit"] == code
    assert error["message"]
    assert ("problems" in error) == (way == "problems")


@pytest.mark.parametrize(
    "arguments", [["shels"], ["shells", "--cuont", "3"], ["shells", "--count", "many"], ["shells", "extra"], ["end"]]
)
def test_a_command_line_that_is_not_understood_says_where_help_is(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shore, arguments, name="shore") == ExitCode.USAGE
    assert "--help`." in capsys.readouterr().err
    assert run(shore, [*arguments, "--json"], name="shore") == ExitCode.USAGE
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "Usage"


def test_a_group_alone_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shore, []) == ExitCode.USAGE
    assert "shells" in capsys.readouterr().out


def test_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shore, ["shells", "--help"]) == ExitCode.DONE
    assert "--json" in capsys.readouterr().out


def test_a_number_that_a_command_chose_itself_is_kept() -> None:
    assert run(shore, ["leave"]) == ExitCode.PLACE


def test_a_defect_is_logged_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    run(shore, ["end", "defect"])
    event = json.loads(capsys.readouterr().err.splitlines()[0])
    assert event["event"] == "command_failed"
    assert "ZeroDivisionError" in event["exception"]


def test_a_setting_that_is_refused_is_an_error_like_any_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOAL_LOG_LEVEL", "loud")
    assert run(shore, ["shells", "--json"]) == ExitCode.INPUT
    assert "SHOAL_LOG_LEVEL='loud'" in json.loads(capsys.readouterr().out)["error"]["message"]
