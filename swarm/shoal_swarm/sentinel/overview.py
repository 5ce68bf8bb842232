"""A run as a person wants to see it: who takes part as what, where it stands, and for whom it waits. Pure."""

from typing import Any

from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Phase, Record
from shoal_swarm.protocol.sentinel.run import SentinelRun


def overview(run: SentinelRun, now: float) -> dict[str, Any]:
    """Names, numbers and words, ready to be shown."""
    facts: dict[str, Any] = {"run": str(run.rules.run), "rounds": run.rules.rounds, "min_nodes": run.rules.min_nodes}
    if run.written is None:
        return {**facts, "phase": "NEW", "members": [], "waits_for": ["the register"]}
    record = run.record
    return {
        **facts,
        "phase": record.phase.value,
        "round": record.round,
        "attempt": record.attempt,
        "committed": record.committed,
        "version": record.version,
        "bytes": None if record.fit is None else record.fit.total_bytes,
        "chain": record.chain.hex(),
        "members": [_member(run, record, node, now) for node in record.admitted],
        "waits_for": waits_for(run, now),
    }


def waits_for(run: SentinelRun, now: float) -> list[str]:
    """For whom or what the run waits now, in words."""
    record = run.record
    match record.phase:
        case Phase.GATHERING | Phase.COMMITTED:
            alive = [node for node in record.admitted if run.leases.is_alive(node, now)]
            ready = run.ready_nodes(now)
            missing = run.rules.min_nodes - len(ready)
            unready = [f"{node} to be ready" for node in alive if node not in ready]
            return unready or ([f"{missing} more to be ready"] if missing > 0 else [])
        case Phase.OPEN:
            complete = {*run.complete(), *(node for _owner, node, _root, _why in run.collected.refusals())}
            return [f"the contribution of {node} at every owner" for node in record.expected if node not in complete]
        case Phase.CUT:
            late = [share.owner for share in record.shares if share.owner not in run.collected.results]
            if late:
                return [f"the result of {node}" for node in late]
            return [f"{run.rules.copies} nodes to hold every result"]
        case Phase.ENDED:
            return []


def _member(run: SentinelRun, record: Record, node: NodeName, now: float) -> dict[str, Any]:
    participant = record.participant(node)
    share = record.share(node)
    refusal, evidence = run.turned_down.get(node), run.two_faced.get(node)
    does = [
        word
        for word, is_so in (
            ("contributor", participant is not None and node in record.expected),
            ("owner", share is not None),
            ("holder", participant is not None),
        )
        if is_so
    ]
    return {
        "node": str(node),
        "state": "here" if run.leases.is_fresh(node, now) else "unknown" if run.leases.is_alive(node, now) else "gone",
        "incarnation": run.leases.incarnation(node),
        "address": run.addresses.get(node),
        "does": does,
        "pieces": 0 if share is None else share.count,
        "ready_for": run.ready.get(node),
        "two_faced": None if evidence is None else [signed.manifest.root.hex() for signed in evidence],
        "refused": None if refusal is None else f"round {refusal.round}, by {refusal.owner}: {refusal.reason}",
    }
