"""`shoal ledger`: what was decided about a run, shown and checked, from the register or any node's copy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_never

import click

from shoal_base.command import Group, Reply
from shoal_base.errors import InputRefused, PeerRefused, ProblemsFound
from shoal_swarm.protocol.decisions import Admitted, Committed, Created, CutMade, Decision, Ended, Opened
from shoal_swarm.protocol.ledger import LedgerEntry, verify_ledger
from shoal_swarm.protocol.record import folded, record_bytes
from shoal_swarm.register import open_register
from shoal_swarm.register.place import read_url
from shoal_swarm.sentinel.judging import verifier
from shoal_swarm.sentinel.places import default_register
from shoal_swarm.sentinel.records import Records, read_entries
from shoal_swarm.service.copies import Copy, read_copy

A_FOLDER = click.Path(path_type=Path, file_okay=False)
_swarm = click.option("--swarm", required=True, help="The swarm's name, as its certificates have it.")
_run = click.option("--run", required=True, help="The run's name.")
_register = click.option(
    "--register", "url", help="Where the register lies. Default: SQLite in SHOAL_HOME/state/<swarm>."
)
_copy = click.option(
    "--from", "copy", type=A_FOLDER, help="A node's folder (SHOAL_HOME/state/SWARM/RUN/NODE) instead of the register."
)


@click.group("ledger", cls=Group)
def ledger() -> None:
    """Show and check what the register decided about a run."""


@ledger.command("show")
@_swarm
@_run
@_register
@_copy
def show(*, swarm: str, run: str, url: str | None, copy: Path | None) -> Reply:
    """List every decision of a run, in order."""
    entries, _ = _read(swarm, run, url, copy)
    facts = [_facts(entry) for entry in entries]
    return Reply([f"{fact['index']:>5}  {fact['hash'][:12]}  {fact['says']}" for fact in facts], {"entries": facts})


@ledger.command("verify")
@_swarm
@_run
@_register
@_copy
@click.option("--capath", type=A_FOLDER, required=True, help="The folder with bundle.pem and crl.pem.")
def verify(*, swarm: str, run: str, url: str | None, copy: Path | None, capath: Path) -> Reply:
    """Check every hash, every signature and that the register's record is what the ledger folds up to."""
    entries, record = _read(swarm, run, url, copy)
    try:
        head = verify_ledger(entries, verifier(swarm, capath))
        if record is not None:
            _check_record(entries, record)
    except PeerRefused as flaw:
        raise ProblemsFound(f"The ledger of run {run} does not hold:", [str(flaw)]) from flaw
    return Reply(
        [f"{len(entries)} entries hold: each continues the one before and carries a sentinel's signature."],
        {"entries": len(entries), "head": head.hex()},
    )


def _check_record(entries: Sequence[LedgerEntry], record: bytes) -> None:
    standing = folded(entries)
    if standing is None or record_bytes(standing) != record:
        raise PeerRefused("The record is not what the ledger folds up to. Restore the register from nodes' ledgers.")


def _read(swarm: str, run: str, url: str | None, copy: Path | None) -> tuple[Sequence[LedgerEntry], bytes | None]:
    """The ledger, and the record where it comes from a register."""
    if copy is None:
        return _read_register(url or default_register(swarm), run)
    if url is not None:
        raise InputRefused("--register and --from name two places. Choose one of them.")
    return copy_of(run, copy).entries, None


def copy_of(run: str, folder: Path) -> Copy:
    """A node's copy of this run's ledger, and of no other's."""
    copy = read_copy(folder)
    if copy.run != run:
        raise InputRefused(f"{folder} is of run {copy.run}, not of run {run}. Name that run, or another folder.")
    return copy


def _read_register(url: str, run: str) -> tuple[Sequence[LedgerEntry], bytes]:
    if not read_url(url).exists():  # opening would make one
        raise InputRefused(f"There is no register at {url}. Ask on the sentinel's machine, or give --register.")
    with open_register(url) as register:
        record = Records(register, run).read()
        if record is None:
            known = ", ".join(register.runs.list()) or "none"
            raise InputRefused(f"The register has no run {run}; it has {known}. Choose one of these.")
        return read_entries(register, run), record_bytes(record)


def _facts(entry: LedgerEntry) -> dict[str, Any]:
    return {"index": entry.index, "hash": entry.hash.hex(), "says": _says(entry.decision())}


def _says(decision: Decision) -> str:
    match decision:
        case Created():
            return f"created with configuration {decision.config_hash.hex()[:12]}"
        case Admitted():
            return f"admitted {decision.node}"
        case Opened():
            owners = ", ".join(share.owner for share in decision.shares)
            return f"opened round {decision.round}, attempt {decision.attempt + 1}; owners: {owners}"
        case CutMade():
            nodes = ", ".join(one.signed.manifest.node for one in decision.contributors)
            return f"cut round {decision.round}, attempt {decision.attempt + 1}; contributors: {nodes}"
        case Committed():
            return f"committed round {decision.round}; chain {decision.chain.hex()[:12]}"
        case Ended():
            return f"ended after round {decision.round}"
        case _:
            assert_never(decision)
