"""What the pages tell a reader to type exists, and every command explains itself and answers programs."""

from pathlib import Path

import click
import pytest

from shoal_base.command import Group, Reply
from shoal_swarm.cli import shoal
from tests.architecture.manual import Mention, commands, mentions, mentions_in_source, problem_with
from tests.architecture.repository import ROOT, markdown_files, package_files

SCRIPTS = ROOT / "scripts"


@pytest.mark.parametrize("page", markdown_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_documented_command_exists_or_is_marked_planned(page: Path) -> None:
    found = [
        f"{page.name}:{mention.line}: `{mention.text}`: {problem}; build it, or mark the line (planned)"
        for mention in mentions(page)
        if not mention.is_planned and (problem := problem_with(mention, shoal, SCRIPTS))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", markdown_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_to_type_is_still_called_planned_once_it_exists(page: Path) -> None:
    stale = [
        f"{page.name}:{mention.line}: `{mention.text}` exists; take the mark away"
        for mention in mentions(page)
        if mention.is_planned and mention.is_fenced and not problem_with(mention, shoal, SCRIPTS)
    ]
    assert not stale, "\n".join(stale)


def test_no_message_of_ours_sends_anybody_to_a_command_that_is_not_there() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{mention.line}: `{mention.text}`: {problem}"
        for file in package_files()
        for mention in mentions_in_source(file)
        if not mention.is_planned and (problem := problem_with(mention, shoal, SCRIPTS))
    ]
    assert not found, "\n".join(found)


def test_every_command_explains_itself_and_takes_json() -> None:
    tree = list(commands(shoal))
    assert tree, "no package offers a command"
    for typed, command in tree:
        assert command.help, f"`shoal {typed}` has no help text"
        if not isinstance(command, click.Group):
            options = {name for option in command.params for name in option.opts}
            assert "--json" in options, f"`shoal {typed}` does not take --json"


def test_every_option_explains_itself() -> None:
    for typed, command in commands(shoal):
        for option in command.params:
            is_shown = isinstance(option, click.Option) and not option.hidden
            assert not is_shown or option.help, f"`shoal {typed} {option.opts[0]}` has no help"


# The rules themselves, on a small tree and a small page.


@click.group(cls=Group, name="shoal")
def small() -> None:
    """A root with one group of two commands."""


@small.group()
def certs() -> None:
    """A group."""


for name in ("show", "verify"):

    @certs.command(name)
    @click.option("--days", type=int)
    def _command(days: int) -> Reply:
        """A command."""
        return Reply([str(days)])


PAGE = """
# Today
Say `shoal certs show DIR` or `shoal certs show|verify DIR --days 3`, then `scripts/wash --hot`.
Later `shoal swim` (planned) will come. The package `shoal_base`, the extra `shoal[node]` and ``shoal`` are no commands.
```console
$ SHOAL_HOME=/srv/x shoal certs verify DIR --days=3   # looks at it
shoal certs burn DIR
scripts/wash --cold
a tree: scripts/ is a folder
shoal certs show --json      # (planned)
```
## Tomorrow (planned)
`shoal fly`
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "wash").write_text("case $1 in --hot) ;; esac")
    (tmp_path / "look").write_text('#!/bin/sh\nexec shoal certs show "$@"\n')
    (tmp_path / "page.md").write_text(PAGE)
    return tmp_path / "page.md"


def test_mentions_are_found_in_spans_and_fences(page: Path) -> None:
    assert [(mention.line, mention.text.partition("  ")[0], mention.is_planned) for mention in mentions(page)] == [
        (3, "shoal certs show DIR", False),
        (3, "shoal certs show|verify DIR --days 3", False),
        (3, "scripts/wash --hot", False),
        (4, "shoal swim", True),
        (4, "shoal", True),
        (6, "shoal certs verify DIR --days=3", False),
        (7, "shoal certs burn DIR", False),
        (8, "scripts/wash --cold", False),
        (10, "shoal certs show --json", True),
        (13, "shoal fly", True),
    ]


def test_mentions_are_found_in_messages(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text(
        '"""`shoal certs` here."""\n'
        'raise InputRefused(f"{name} is wrong; see `shoal certs show "\n'
        '    f"{folder} --days {days}`.")\n'
        'raise Unavailable("`shoal swim` (planned) will help.")\n'
    )
    assert [(mention.line, mention.text, mention.is_planned) for mention in mentions_in_source(source)] == [
        (1, "shoal certs", False),
        (2, "shoal certs show VALUE --days VALUE", False),
        (4, "shoal swim", True),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shoal certs show DIR --json", None),
        ("shoal certs show|verify DIR --days 3", None),
        ("shoal certs COMMAND", None),
        ("shoal --help", None),
        ("scripts/wash --hot", None),
        ("scripts/look DIR --days 3", None),
        ("scripts/look DIR --hours 3", "show has no option --hours"),
        ("shoal swim", "shoal has no command swim"),
        ("shoal certs show|burn", "certs has no command burn"),
        ("shoal certs show|verify --hours 3", "show has no option --hours"),
        ("shoal certs show --hours=3", "show has no option --hours=3"),
        ("scripts/wash --cold", "scripts/wash does not know --cold"),
        ("scripts/dry", "scripts/dry does not exist"),
    ],
)
def test_a_mention_is_held_against_what_there_is(page: Path, text: str, problem: str | None) -> None:
    assert problem_with(Mention(page, 1, text, False, True), small, page.parent) == problem
