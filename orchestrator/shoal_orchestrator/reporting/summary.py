"""What came out of a run, as one JSON document for programs."""

from statistics import median
from typing import Any

from shoal_orchestrator.reporting.judging import Verdict
from shoal_orchestrator.reporting.results import NodeResult, Results


def summary(results: Results, verdict: Verdict) -> dict[str, Any]:
    """Accuracies, rounds and hashes."""
    config = results.plan.config
    return {
        "run": config.run,
        "config": config.digest().hex(),
        "metric": verdict.metric,
        "nodes": {node.name: _node(node) for node in results.nodes},
        "swarm": verdict.swarm,
        "worst": verdict.worst.name,
        "alone": verdict.alone,
        "best_alone": verdict.best_alone,
        "pooled": results.pooled,
        "majority": verdict.majority,
        "closed": verdict.closed,
        "proves_nothing": verdict.proves_nothing,
        "adapter": results.nodes[0].digest if verdict.is_equal else None,
        "rounds": _rounds(results),
    }


def _node(node: NodeResult) -> dict[str, Any]:
    return {
        "examples": node.examples,
        "alone": node.alone,
        "swarm": node.swarm,
        "adapter": str(node.adapter),
        "digest": node.digest,
    }


def _rounds(results: Results) -> list[dict[str, Any]]:
    """Per round: how many contributed, the seconds of each phase (the median node's), bytes of each node."""
    told = []
    numbers = sorted({one.round for node in results.nodes for one in node.rounds})
    for number in numbers:
        found = {node.name: one for node in results.nodes for one in node.rounds if one.round == number}
        phases = list(dict.fromkeys(phase for one in found.values() for phase in one.seconds))
        told.append(
            {
                "round": number,
                "contributors": max(one.contributors for one in found.values()),
                "seconds": {
                    phase: median(one.seconds[phase] for one in found.values() if phase in one.seconds)
                    for phase in phases
                },
                "bytes": {
                    name: {
                        "raw": one.bytes_raw,
                        "encoded": one.bytes_encoded,
                        "content": one.bytes_content,
                        "meta": one.bytes_meta,
                    }
                    for name, one in found.items()
                },
            }
        )
    return told
