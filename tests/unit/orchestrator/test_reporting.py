"""What a report says follows from the figures: better, worse, nothing proven, and never "the same" if bytes differ."""

from dataclasses import replace
from pathlib import Path

import pytest

from shoal_orchestrator.reporting.judging import judge
from shoal_orchestrator.reporting.results import NodeResult, Results
from shoal_orchestrator.reporting.summary import summary
from shoal_orchestrator.reporting.table import report
from shoal_swarm.service.round_figures import RoundFigures, note_figures, read_figures
from tests.unit.orchestrator.test_planning import _plan

SECONDS = {"offered": 2.0, "frozen": 0.1, "cut": 0.1, "committed": 0.2, "applied": 0.1}


def _figures(number: int, contributors: int = 2) -> RoundFigures:
    return RoundFigures(
        round=number,
        contributors=contributors,
        seconds=SECONDS,
        bytes_raw=400,
        bytes_encoded=100,
        bytes_content=200,
        bytes_meta=50,
    )


def _node(name: str, swarm: float, alone: float | None, digest: str = "ab") -> NodeResult:
    return NodeResult(
        name=name,
        examples=10,
        majority=0.2,
        swarm={"accuracy": swarm, "f1": 0.0},
        alone=None if alone is None else {"accuracy": alone, "f1": 0.0},
        adapter=Path("/out") / name / "adapter",
        digest=digest,
        rounds=(_figures(0, 1), _figures(1)),
    )


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """A run that went well."""
    nodes = (_node("node-1", 0.8, 0.4), _node("node-2", 0.7, 0.5))
    return Results(plan=_plan(tmp_path), nodes=nodes, pooled={"accuracy": 0.85}, pooled_examples=20)


def test_a_good_run_is_told_as_one(results: Results) -> None:
    verdict = judge(results)
    assert verdict.closed == pytest.approx((0.75 - 0.45) / (0.85 - 0.45))
    assert verdict.worst.name == "node-2"
    assert not verdict.proves_nothing
    lines = report(results, verdict)
    assert any("75 % of the way" in line for line in lines)
    assert any(line.endswith("(the worst)") and "node-2" in line for line in lines)
    assert any("+25.0 points from the best node alone" in line for line in lines)
    assert any("400 bytes raw, 100 encoded" in line for line in lines)
    assert any("2.0 s of work and 0.50 s of meeting" in line for line in lines)
    facts = summary(results, verdict)
    assert facts["rounds"][1]["seconds"] == SECONDS
    assert facts["rounds"][1]["bytes"]["node-2"] == {"raw": 400, "encoded": 100, "content": 200, "meta": 50}
    assert facts["adapter"] == "ab"


def test_pooled_training_that_learned_nothing_proves_nothing(results: Results) -> None:
    poor = replace(results, pooled={"accuracy": 0.249})
    verdict = judge(poor)
    assert verdict.proves_nothing
    assert any(line.startswith("This proves nothing") for line in report(poor, verdict))
    assert not judge(replace(results, pooled={"accuracy": 0.251})).proves_nothing


def test_different_bytes_are_never_called_the_same(results: Results) -> None:
    odd = replace(results, nodes=(results.nodes[0], replace(results.nodes[1], digest="cd")))
    verdict = judge(odd)
    assert summary(odd, verdict)["adapter"] is None
    assert any("DIFFER" in line for line in report(odd, verdict))


def test_a_run_without_baselines_compares_nothing(results: Results) -> None:
    bare = replace(results, pooled=None, nodes=tuple(replace(node, alone=None) for node in results.nodes))
    verdict = judge(bare)
    assert (verdict.closed, verdict.best_alone, verdict.proves_nothing) == (None, None, False)
    assert not any("pooled" in line for line in report(bare, verdict))


def test_of_losses_the_smaller_is_better(results: Results) -> None:
    plan = results.plan
    evaluate = plan.wanted.task.evaluate.model_copy(update={"select": "loss", "metrics": ("loss",)})
    task = plan.wanted.task.model_copy(update={"evaluate": evaluate})
    losing = tuple(
        replace(node, swarm={"loss": 1 - node.swarm["accuracy"]}, alone={"loss": 0.9}) for node in results.nodes
    )
    verdict = judge(
        replace(results, plan=replace(plan, wanted=replace(plan.wanted, task=task)), nodes=losing, pooled=None)
    )
    assert verdict.worst.name == "node-2"
    assert verdict.best_alone == 0.9


def test_figures_survive_half_a_line_and_the_newest_counts(tmp_path: Path) -> None:
    for one in (_figures(0), _figures(1), _figures(1, contributors=3)):
        note_figures(tmp_path, one)
    with (tmp_path / "rounds.jsonl").open("ab") as file:
        file.write(b'{"round": 2, "contri')
    assert [(one.round, one.contributors) for one in read_figures(tmp_path)] == [(0, 2), (1, 3)]
    assert read_figures(tmp_path / "nowhere") == []
