"""What our pages and messages tell a reader to type, and what there is to type.

A mention is `shoal WORDS` or `scripts/NAME` in a code span or as a line of a fenced block. It is planned when its line,
or the heading above it, says `(planned)`; everything else must exist. In our sources every string is read as a page of
its own, so an error never sends anybody to a command that is not there.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

PLANNED = "(planned)"
_FENCE = re.compile(r"^\s*(```+|~~~+)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_MENTION = re.compile(r"(shoal|(\./)?scripts/[a-z][^ ]*)(\s|$)")
_WORD = re.compile(r"[a-z][a-z0-9-]*")
_STANDS_FOR = re.compile(r'^ *exec shoal ([a-z ]+) "\$@"$', re.MULTILINE)
_OWN_OPTION = re.compile(r"!= (--[a-z][a-z-]*) \]")  # what a script takes for itself and hands nobody
_SCRIPT = re.compile(r"(?:\./)?scripts/([a-z][a-z0-9-]*)")


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that a page says one can type."""

    page: Path
    line: int
    text: str
    is_planned: bool
    is_fenced: bool


def mentions(page: Path) -> Iterator[Mention]:
    """Every mention of a command or script on `page`."""
    fence, heading_is_planned = "", False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if found := _FENCE.match(line):
            fence = "" if fence and line.strip().startswith(fence) else fence or found[1]
            continue
        if not fence and line.startswith("#"):
            heading_is_planned = PLANNED in line
        texts = [_typed(line)] if fence else [span[2].strip() for span in _SPAN.finditer(line)]
        for text in filter(_MENTION.match, texts):
            yield Mention(page, number, text, PLANNED in line or heading_is_planned, bool(fence))


def mentions_in_source(file: Path) -> Iterator[Mention]:
    """Every mention of a command or script in the strings of `file`."""
    tree = ast.parse(file.read_text())
    joined = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) not in joined and (string := _string(node)):
            for text in filter(_MENTION.match, (span[2].strip() for span in _SPAN.finditer(string))):
                yield Mention(file, getattr(node, "lineno", 0), text, PLANNED in string, False)


def problem_with(mention: Mention, root: click.Group, scripts: Path) -> str | None:
    """Why what is mentioned cannot be typed, if so."""
    words = shlex.split(mention.text, comments=True)
    if script := _SCRIPT.fullmatch(words[0]):
        return _problem_with_script(words[1:], scripts / script[1], root)
    return _problem_with_command(words[1:], root)


def commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Every command and group below `group`, with what one types to get there."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{name} is listed and not there"
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", deeper) for below, deeper in commands(command))


def _string(node: ast.AST) -> str:
    """The text of a literal; what is filled in at run time stands for itself as a word of the user's."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values):
            return "".join(_string(part) or "VALUE" for part in values)
        case _:
            return ""


def _typed(line: str) -> str:
    """The command of a line in a fenced block, without prompt and variables."""
    return re.sub(r"^(\$ )?([A-Z][A-Z0-9_]*=\S+ )*", "", line.strip())


def _problem_with_script(words: list[str], script: Path, root: click.Group) -> str | None:
    if not script.is_file():
        return f"scripts/{script.name} does not exist"
    text = script.read_text()
    if stands_for := _STANDS_FOR.findall(text):
        own = set(_OWN_OPTION.findall(text))
        rest = [word for word in words if word not in own]
        problems = [_problem_with_command([*command.split(), *rest], root) for command in stands_for]
        return None if None in problems else problems[0]
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in text]
    return f"scripts/{script.name} does not know {unknown[0]}" if unknown else None


def _problem_with_command(words: list[str], here: click.Command) -> str | None:
    if not words:
        return None
    word, *rest = words
    if word.startswith("-") and word.partition("=")[0] not in _options(here):
        return f"{here.name} has no option {word}"
    if word in _options_with_a_value(here):
        return _problem_with_command(rest[1:], here)
    if isinstance(here, click.Group) and all(map(_WORD.fullmatch, word.split("|"))):
        problems = (_problem_below(here, name, rest) for name in word.split("|"))
        return next(filter(None, problems), None)
    return _problem_with_command(rest, here)


def _problem_below(group: click.Group, name: str, words: list[str]) -> str | None:
    command = group.get_command(click.Context(group), name)
    return _problem_with_command(words, command) if command else f"{group.name} has no command {name}"


def _options_with_a_value(command: click.Command) -> set[str]:
    options = [one for one in command.params if isinstance(one, click.Option) and not one.is_flag]
    return {name for option in options for name in option.opts}


def _options(command: click.Command) -> set[str]:
    named = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return {*named, *command.get_help_option_names(click.Context(command))}
