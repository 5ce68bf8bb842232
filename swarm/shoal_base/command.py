"""The frame of every command: what it prints, in words or as JSON, and the number it ends with.

A command is a function that returns a `Reply`: lines for a person, facts for a program. The frame adds
`--json`, prints one or the other, and turns every error of ours into its sentence and its exit code. With
`--json`, stdout holds exactly one JSON object, an error included.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import click

from shoal_base.errors import ShoalError
from shoal_base.exits import ExitCode
from shoal_base.logs import configure_logs, get_log
from shoal_base.settings import read_settings

JSON_FLAG = "--json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command found or did, and what to do next."""

    lines: Sequence[str]
    facts: Mapping[str, object] = field(default_factory=dict)


class Command(click.Command):
    """A command that answers with a `Reply` and takes `--json`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click's own signature
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option([JSON_FLAG, "as_json"], is_flag=True, help="Answer with one JSON object on stdout.")
        )

    def invoke(self, ctx: click.Context) -> None:
        """Run the function and print its reply."""
        as_json = bool(ctx.params.pop("as_json"))
        reply = super().invoke(ctx)
        if reply is None:
            return
        assert isinstance(reply, Reply), f"{ctx.command_path} answered {type(reply).__name__}, not Reply"
        click.echo(_json_text(reply.facts) if as_json else "\n".join(reply.lines))


class Group(click.Group):
    """A group whose commands are all of our kind."""

    command_class = Command
    group_class = type


class Service(Command, Group):
    """A command that serves until it is asked to stop, with commands beside it that do something for it.

    Its function is called before a command beside it as well; it looks at `context.invoked_subcommand` and does
    nothing then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click's own signature
        super().__init__(*args, invoke_without_command=True, **kwargs)


def run(command: click.Command, arguments: Sequence[str], *, name: str = "shoal") -> int:
    """Run `command` to its end and return the number for the operating system."""
    as_json = JSON_FLAG in arguments
    try:
        configure_logs(read_settings())
        ended = command.main(args=list(arguments), prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message())
        return ExitCode.USAGE
    except (ShoalError, click.ClickException, click.Abort, KeyboardInterrupt) as end:
        return _fail(_facts(end), as_json=as_json)
    except Exception as defect:  # noqa: BLE001 - the outermost frame; what gets here is a defect and is logged
        get_log().exception("command_failed", command=name, arguments=list(arguments))
        return _fail(_facts(defect), as_json=as_json)
    return ended if isinstance(ended, int) else ExitCode.DONE  # a number is what `ctx.exit()` was given


def _facts(end: BaseException) -> Mapping[str, object]:
    match end:
        case ShoalError():
            return end.facts()
        case click.UsageError():
            where = f" See `{end.ctx.command_path} --help`." if end.ctx else ""
            return _fact(ExitCode.USAGE, "Usage", f"{end.format_message().rstrip('.')}.{where}")
        case click.ClickException():
            return _fact(ExitCode.INPUT, type(end).__name__, end.format_message())
        case click.Abort() | KeyboardInterrupt():
            return _fact(ExitCode.INTERRUPTED, "Interrupted", ExitCode.INTERRUPTED.help)
        case _:
            sentence = f"A defect of ours: {type(end).__name__}: {end}. The log says where; please report it."
            return _fact(ExitCode.DEFECT, type(end).__name__, sentence)


def _fact(code: ExitCode, kind: str, message: str) -> Mapping[str, object]:
    return {"exit": int(code), "kind": kind, "message": message}


def _fail(facts: Mapping[str, object], *, as_json: bool) -> int:
    if as_json:
        click.echo(_json_text({"error": facts}))
    else:
        click.echo(f"error: {facts['message']}", file=sys.stderr)
    code = facts["exit"]
    assert isinstance(code, int), "facts carry the exit code"
    return code


def _json_text(facts: Mapping[str, object]) -> str:
    return json.dumps(facts, default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
