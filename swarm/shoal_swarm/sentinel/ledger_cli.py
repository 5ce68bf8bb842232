"""`shoal ledger`: what was decided about a run, shown and checked, from the register."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, assert_never

import click

from shoal_base.command import Group, Reply
from shoal_base.errors import InputRefused, PeerRefused, ProblemsFound
from shoal_certs.certificates import BUNDLE_BYTES_MAX
from shoal_certs.credentials import BUNDLE_FILE, CRL_FILE
from shoal_certs.files import read_public
from shoal_certs.identity import Identity
from shoal_certs.revocation import CRL_BYTES_MAX
from shoal_certs.validator import Certified, Trust, validate
from shoal_swarm.protocol.decisions import Admitted, Committed, Created, CutMade, Decision, Ended, Opened
from shoal_swarm.protocol.ledger import LedgerEntry, verify_ledger
from shoal_swarm.protocol.record import folded, record_bytes
from shoal_swarm.register import open_register
from shoal_swarm.register.place import read_url
from shoal_swarm.sentinel.cli import default_register
from shoal_swarm.sentinel.records import Records, read_entries
from shoal_swarm.service.vouchers import vouches

_A_FOLDER = click.Path(path_type=Path, file_okay=False)
_swarm = click.option("--swarm", required=True, help="The swarm's name, as its certificates have it.")
_run = click.option("--run", required=True, help="The run's name.")
_register = click.option(
    "--register", "url", help="Where the register lies. Default: SQLite in SHOAL_HOME/state/<swarm>."
)


@click.group("ledger", cls=Group)
def ledger() -> None:
    """Show and check what the register decided about a run."""


@ledger.command("show")
@_swarm
@_run
@_register
def show(*, swarm: str, run: str, url: str | None) -> Reply:
    """List every decision of a run, in order."""
    entries, _ = _read(url or default_register(swarm), run)
    facts = [_facts(entry) for entry in entries]
    return Reply([f"{fact['index']:>5}  {fact['hash'][:12]}  {fact['says']}" for fact in facts], {"entries": facts})


@ledger.command("verify")
@_swarm
@_run
@_register
@click.option("--capath", type=_A_FOLDER, required=True, help="The folder with bundle.pem and crl.pem.")
def verify(*, swarm: str, run: str, url: str | None, capath: Path) -> Reply:
    """Check every hash, every signature and that the record is what the ledger folds up to."""
    entries, record = _read(url or default_register(swarm), run)
    bundle, crl = read_public(capath / BUNDLE_FILE, BUNDLE_BYTES_MAX), read_public(capath / CRL_FILE, CRL_BYTES_MAX)
    judge = partial(_judge, Trust.read(swarm, bundle, [crl], str(capath)), datetime.now(UTC))
    try:
        head = verify_ledger(entries, partial(vouches, judge, swarm))
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


def _judge(trust: Trust, now: datetime, chain: Sequence[bytes], expected: Identity | None) -> Certified:
    return validate(chain, trust, now, expected=expected, about="the signer of an entry")


def _read(url: str, run: str) -> tuple[Sequence[LedgerEntry], bytes]:
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
