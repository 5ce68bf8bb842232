"""`shoal`: finds the commands that the installed packages offer and imports only the one that is called."""

import sys
from importlib.metadata import EntryPoint, entry_points, version

import click

from shoal_base.command import Group, run
from shoal_base.errors import PartMissing
from shoal_base.exits import exit_codes_table

COMMANDS = "shoal.commands"
EXTRA_OF_PACKAGE = {"shoal_node": "node", "shoal_orchestrator": "orchestrator"}


class CommandsOfAllPackages(Group):
    """The root: its commands are entry points, so no package needs to know of another's."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names only; nothing is imported."""
        return sorted(entry.name for entry in entry_points(group=COMMANDS))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the one command that is called."""
        found = {entry.name: entry for entry in entry_points(group=COMMANDS)}
        return _load(found[cmd_name]) if cmd_name in found else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List what is there without paying for its imports."""
        with formatter.section("Commands (`shoal COMMAND --help` explains one)"):
            formatter.write_text(", ".join(self.list_commands(ctx)))


def _load(entry: EntryPoint) -> click.Command:
    try:
        command = entry.load()
    except ModuleNotFoundError as missing:
        package = entry.module.partition(".")[0]
        if package not in EXTRA_OF_PACKAGE or (missing.name or "").startswith("shoal"):
            raise
        raise PartMissing(
            f"`shoal {entry.name}` needs {missing.name}, which is not installed: "
            f"install shoal[{EXTRA_OF_PACKAGE[package]}] with pip."
        ) from missing
    assert isinstance(command, click.Command), f"{entry.value} is not a command"
    return command


def _print_exit_codes(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(exit_codes_table())
        ctx.exit()


@click.group(
    cls=CommandsOfAllPackages,
    help="Several parties fine-tune one language model together; their data never leaves home.",
)
@click.version_option(version("shoal"), prog_name="shoal")
@click.option(
    "--exit-codes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_exit_codes,
    help="List the numbers a command can end with, and what each means.",
)
def shoal() -> None:
    """Only carries the commands."""


def main() -> None:
    """The console script."""
    sys.exit(run(shoal, sys.argv[1:]))


if __name__ == "__main__":
    main()
