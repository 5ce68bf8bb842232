"""What processes show through their windows, in lines for a person."""

from collections.abc import Sequence
from typing import Any

from shoal_swarm.service.window import Facts


def sentinel_lines(facts: Facts) -> Sequence[str]:
    """A sentinel, its runs, their members, and for whom each run waits."""
    lines = [f"{facts['identity']} at {facts['address']}"]
    if not facts["runs"]:
        lines.append("  no run: start the sentinel with --run")
    for run in facts["runs"]:
        lines.append(f"  run {run['run']}: {_where(run)}")
        lines += [f"    {_member(member)}" for member in run["members"]]
        lines += [f"    waits for {what}" for what in run["waits_for"]]
    return lines


def _where(run: dict[str, Any]) -> str:
    if "round" not in run:
        return "not yet created"
    attempt = f", attempt {run['attempt'] + 1}" if run["attempt"] else ""
    size = "" if run["bytes"] is None else f", {run['bytes'] / 1e6:.1f} MB each"
    return f"{run['phase']}, round {run['round']} of {run['rounds']}{attempt}, committed up to {run['committed']}{size}"


def _member(member: dict[str, Any]) -> str:
    does = ", ".join(member["does"]) or "takes no part in this round"
    refused = f"; refused: {member['refused']}" if member["refused"] else ""
    two_faced = "; signed two contributions to one round" if member["two_faced"] else ""
    return f"{member['node']} ({member['state']}): {does}{refused}{two_faced}"
