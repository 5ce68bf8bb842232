"""What the figures of a run say, in numbers: pure."""

from dataclasses import dataclass
from statistics import mean
from typing import Final

from shoal_orchestrator.reporting.results import NodeResult, Results

PROVES_SOMETHING: Final = 0.05
"""Pooled training has to beat guessing by so much, or a comparison with it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the swarm compares, by the task's metric."""

    metric: str
    swarm: float
    """Mean over the nodes, each on what it measures with."""
    worst: NodeResult
    alone: float | None
    best_alone: float | None
    pooled: float | None
    majority: float
    is_equal: bool
    """Whether all nodes hold the same bytes."""

    @property
    def closed(self) -> float | None:
        """How much of the way from working alone to pooling all data; unknown where there is no way to go."""
        if self.alone is None or self.pooled is None or self.pooled <= self.alone:
            return None
        return (self.swarm - self.alone) / (self.pooled - self.alone)

    @property
    def proves_nothing(self) -> bool:
        """Whether not even pooled training has learned much more than the commonest label."""
        return self.metric == "accuracy" and self.pooled is not None and self.pooled - self.majority < PROVES_SOMETHING


def judge(results: Results) -> Verdict:
    """Compare; a greater metric is better, but for the loss."""
    metric = results.plan.wanted.task.evaluate.select
    sign = -1 if metric == "loss" else 1
    alone = [node.alone[metric] for node in results.nodes if node.alone is not None]
    return Verdict(
        metric=metric,
        swarm=mean(node.swarm[metric] for node in results.nodes),
        worst=min(results.nodes, key=lambda node: sign * node.swarm[metric]),
        alone=mean(alone) if alone else None,
        best_alone=max(alone, key=lambda value: sign * value) if alone else None,
        pooled=None if results.pooled is None else results.pooled[metric],
        majority=results.nodes[0].majority,
        is_equal=len({node.digest for node in results.nodes}) == 1,
    )
