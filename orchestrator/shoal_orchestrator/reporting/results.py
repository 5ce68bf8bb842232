"""What came out of a run, read from where it lies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import blake3

from shoal_base.errors import PlaceRefused
from shoal_orchestrator.planning.plan import POOLED, RunPlan
from shoal_swarm.service.round_figures import RoundFigures, read_figures

WEIGHTS: Final = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """What one node has to show."""

    name: str
    examples: int
    majority: float
    """Share of the commonest label in what it measures with: what guessing would get."""
    swarm: Mapping[str, float]
    """Metrics of the swarm's adapter."""
    alone: Mapping[str, float] | None
    """The same after training without a swarm, if that was asked for."""
    adapter: Path
    digest: str
    rounds: tuple[RoundFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a run has to show."""

    plan: RunPlan
    nodes: tuple[NodeResult, ...]
    pooled: Mapping[str, float] | None
    pooled_examples: int


def read_results(plan: RunPlan) -> Results:
    """Everything that the nodes and baselines of a finished run have left."""
    pooled = _metrics(plan.places.baseline(POOLED)) if plan.baselines else None
    return Results(
        plan=plan,
        nodes=tuple(_node(plan, name) for name in plan.nodes),
        pooled=None if pooled is None else pooled["final"],
        pooled_examples=0 if pooled is None else pooled["examples"],
    )


def merged_measures(plan: RunPlan, name: str) -> Mapping[int, float]:
    """How good a node that is done found the merged adapter of each round."""
    host, metric = plan.wanted.host, plan.wanted.task.evaluate.select
    rounds = _metrics(host.output(host.node(name)))["rounds"]
    return {one["round"]: one["metrics"][metric] for one in rounds if one["is_merged"] and metric in one["metrics"]}


def _node(plan: RunPlan, name: str) -> NodeResult:
    host = plan.wanted.host
    output = host.output(host.node(name))
    swarm = _metrics(output)
    alone = _metrics(plan.places.baseline(name)) if plan.baselines else None
    weights = output / "adapter" / WEIGHTS
    try:
        digest = blake3.blake3(weights.read_bytes()).hexdigest()
    except OSError as problem:
        raise PlaceRefused(
            f"{weights} cannot be read: {problem.strerror}. Remove {plan.places.swum} and run again."
        ) from problem
    return NodeResult(
        name=name,
        examples=swarm["examples"],
        majority=swarm["majority"],
        swarm=swarm["final"],
        alone=None if alone is None else alone["final"],
        adapter=output / "adapter",
        digest=digest,
        rounds=tuple(read_figures(plan.places.state(plan.config.run, name))),
    )


def _metrics(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise PlaceRefused(f"{path} cannot be read: {problem}. Run again with the same command.") from problem
    assert isinstance(found, dict), "a trainer writes an object"
    return found
