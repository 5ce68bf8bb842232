"""`shoal sentinel restore`: a register that is lost comes back from nodes' copies of the ledger."""

from pathlib import Path

import click

from shoal_base.command import Command, Reply
from shoal_base.errors import PlaceRefused
from shoal_swarm.protocol.restore import restored
from shoal_swarm.register import open_register
from shoal_swarm.sentinel.judging import verifier
from shoal_swarm.sentinel.ledger_cli import A_FOLDER, copy_of
from shoal_swarm.sentinel.places import default_register
from shoal_swarm.sentinel.records import put_back


@click.command("restore", cls=Command)
@click.option("--swarm", required=True, help="The swarm's name, as its certificates have it.")
@click.option("--run", required=True, help="The run's name.")
@click.option(
    "--from",
    "folders",
    type=A_FOLDER,
    multiple=True,
    required=True,
    help="A node's folder (SHOAL_HOME/state/SWARM/RUN/NODE) or a copy of it; give as many as you have.",
)
@click.option("--capath", type=A_FOLDER, required=True, help="The folder with bundle.pem and crl.pem.")
@click.option("--register", "url", help="Where the register is to lie. Default: SQLite in SHOAL_HOME/state/<swarm>.")
def restore(*, swarm: str, run: str, folders: tuple[Path, ...], capath: Path, url: str | None) -> Reply:
    """Rebuild a run's record and ledger from nodes' copies: the longest counts, and every other must be its beginning.

    Stop the sentinels first. Nothing is written unless every copy holds, and never over a run that the register has.
    """
    copies = [copy_of(run, folder) for folder in folders]
    record, entries = restored({copy.node: copy.entries for copy in copies}, verifier(swarm, capath))
    place = url or default_register(swarm)
    with open_register(place) as register:
        if not put_back(register, record, entries):
            raise PlaceRefused(
                f"The register at {place} has run {run} already, and nothing was changed. Restore into an empty "
                "register, or go on with this one."
            )
    longest = next(copy.node for copy in copies if len(copy.entries) == len(entries))
    return Reply(
        [
            f"Run {run} is back: {len(entries)} entries, committed up to round {record.committed}, from {longest}.",
            "Next: start the sentinel with the options it had; nodes join by themselves.",
        ],
        {"entries": len(entries), "committed": record.committed, "head": record.head.hex(), "from": str(longest)},
    )
