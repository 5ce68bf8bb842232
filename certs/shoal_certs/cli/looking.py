"""The commands that only look: show, verify."""

from pathlib import Path

import click

from shoal_base.command import Reply
from shoal_base.errors import ProblemsFound
from shoal_certs.checkup import check_up
from shoal_certs.cli.options import PATH, certs_command, now
from shoal_certs.inventory import take_inventory


@certs_command("show")
@click.argument("path", type=PATH)
def show(path: Path) -> Reply:
    """List the certificates in a folder or file: who, until when, with which serial and fingerprints."""
    inventory = take_inventory(path, now())
    return Reply(inventory.lines, inventory.facts)


@certs_command("verify")
@click.argument("path", type=PATH)
def verify(path: Path) -> Reply:
    """Examine a swarm's or an identity's folder and explain every problem in a sentence."""
    findings = check_up(path, now())
    facts: dict[str, object] = {"checked": findings.checked, "warnings": findings.warnings}
    if findings.problems:
        count = len(findings.problems)
        headline = f"{path} has {count} problem{'s' if count > 1 else ''}:"
        raise ProblemsFound(headline, [*findings.problems, *(f"(soon) {one}" for one in findings.warnings)], facts)
    good = [f"good: {one}" for one in findings.checked]
    return Reply([*good, *(f"soon: {one}" for one in findings.warnings), "No problems."], facts)
