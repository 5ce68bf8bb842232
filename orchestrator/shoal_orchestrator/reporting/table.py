"""What came out of a run, as lines for a person."""

from collections.abc import Iterator
from statistics import mean

from shoal_orchestrator.reporting.judging import Verdict
from shoal_orchestrator.reporting.results import NodeResult, Results


def report(results: Results, verdict: Verdict) -> list[str]:
    """The table, what it means, what it cost, where the adapter is and what to do next."""
    return ["", *_table(results, verdict), "", *_meaning(verdict), *_cost(results), *_next(results, verdict)]


def _table(results: Results, verdict: Verdict) -> Iterator[str]:
    width = max(len("pooled"), *(len(node.name) for node in results.nodes))
    yield f"  {verdict.metric:{width}}  {'examples':>8}  {'alone':>7}  {'swarm':>7}  {'gain':>7}"
    for node in results.nodes:
        yield f"  {node.name:{width}}  {node.examples:>8}  {_row(node, verdict.metric)}{_mark(node, verdict)}"
    if verdict.pooled is not None:
        yield f"  {'pooled':{width}}  {results.pooled_examples:>8}  {verdict.pooled:>7.3f}"


def _row(node: NodeResult, metric: str) -> str:
    swarm = node.swarm[metric]
    if node.alone is None:
        return f"{'-':>7}  {swarm:>7.3f}  {'-':>7}"
    return f"{node.alone[metric]:>7.3f}  {swarm:>7.3f}  {swarm - node.alone[metric]:>+7.3f}"


def _mark(node: NodeResult, verdict: Verdict) -> str:
    return "  (the worst)" if node is verdict.worst else ""


def _meaning(verdict: Verdict) -> Iterator[str]:
    if verdict.proves_nothing:
        assert verdict.pooled is not None, "only a comparison can prove nothing"
        yield (
            f"This proves nothing: even with all data in one place the model reaches {verdict.pooled:.3f}, and always "
            f"answering the commonest label {verdict.majority:.3f}. Take a larger base model, or more steps."
        )
    elif verdict.closed is not None:
        yield (
            f"The swarm went {100 * verdict.closed:.0f} % of the way from working alone (mean {verdict.alone:.3f}) to "
            f"having all data in one place ({verdict.pooled:.3f})."
        )
    if verdict.best_alone is not None:
        yield f"It is {100 * (verdict.swarm - verdict.best_alone):+.1f} points from the best node alone."


def _cost(results: Results) -> Iterator[str]:
    rounds = [one for node in results.nodes for one in node.rounds if one.round > 0]
    if not rounds:
        return
    yield (
        f"A contribution: {rounds[0].bytes_raw:,} bytes raw, {rounds[0].bytes_encoded:,} encoded. A round of a node, "
        f"both ways: {mean(one.bytes_content for one in rounds):,.0f} bytes of contents and "
        f"{mean(one.bytes_meta for one in rounds):,.0f} of everything else."
    )
    worked = mean(one.seconds.get("offered", 0.0) for one in rounds)
    met = mean(sum(one.seconds.values()) for one in rounds) - worked
    yield f"A round took {worked:.1f} s of work and {met:.2f} s of meeting, waiting for others included."


def _next(results: Results, verdict: Verdict) -> Iterator[str]:
    first = results.nodes[0]
    if verdict.is_equal:
        yield f"All {len(results.nodes)} nodes hold the same adapter, byte for byte ({first.digest[:12]})."
    else:
        yield "The nodes' adapters DIFFER, which must never be: keep the folder and report it."
    yield f'Try it:  shoal predict {first.adapter} "A wonderful film, and what a cast!"'
