"""Carry out a task on one node from beginning to end: read, train, measure, write what came out."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final

import blake3

from shoal_base.home import this_home
from shoal_node.adapter.folder import WEIGHTS
from shoal_node.data.tables import read_table
from shoal_node.models.folders import model_folder
from shoal_node.recipes.text_classification import Sources, build
from shoal_node.results.writing import write_metrics, write_result
from shoal_node.rounds.exchange import Exchange
from shoal_node.rounds.in_process import Alone
from shoal_node.rounds.peer_exchange import PeerExchange
from shoal_node.rounds.remembering import Remembering
from shoal_swarm.service.host import Host, host_in
from shoal_swarm.service.run_config import task_in
from shoal_swarm.spec.profile import NodeOffered
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.task import Task
from shoal_swarm.trainer_link.places import made

CHECKPOINTS: Final = "checkpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line asks for."""

    task: Path
    profile: Path
    node: str | None
    """None for the data of all nodes."""
    link: Path | None
    """None for work without a swarm."""
    out: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out."""

    adapter: Path
    digest: str
    rounds: int
    examples: int
    final: Mapping[str, float]


def carry_out(order: Order) -> Outcome:
    """Train until the run is over, and write the result."""
    task, host = task_in(order.task), host_in(order.profile)
    nodes = host.profile.nodes if order.node is None else (host.node(order.node),)
    out = order.out or host.output(nodes[0])
    sources = _sources(task, host, nodes)
    job = build(task, sources)
    exchange = Remembering(_exchange(task, order.link), out)
    checkpoints = _checkpoints(task, order.link, out)
    trained = job.train(exchange, checkpoints)
    adapter = write_result(out, job, trained.over, sources.model)
    final = exchange.final()
    write_metrics(
        out,
        {
            "examples": len(job.train_examples),
            "majority": job.test_examples.majority,
            "final": final,
            "rounds": exchange.rounds(),
            "losses": trained.losses,
        },
    )
    exchange.done()
    exchange.forget()
    rmtree(checkpoints, ignore_errors=True)
    with suppress(OSError):
        checkpoints.parent.rmdir()  # unless another configuration has some
    return Outcome(
        adapter=adapter,
        digest=blake3.blake3((adapter / WEIGHTS).read_bytes()).hexdigest(),
        rounds=trained.over.round,
        examples=len(job.train_examples),
        final=final,
    )


def _sources(task: Task, host: Host, nodes: Sequence[NodeOffered]) -> Sources:
    """What these nodes train on together; held-out data are those of the first."""
    return Sources(
        model=model_folder(task.model.name, host.models(), this_home().models),
        train=[read_table(host.train_file(task, node)) for node in nodes],
        test=read_table(host.test_file(task, nodes[0])),
    )


def _exchange(task: Task, link: Path | None) -> Exchange:
    if link is None:
        return Alone(task.rounds, task.sync_every)
    return PeerExchange(made(link), RunConfig.of_task(task).digest())


def _checkpoints(task: Task, link: Path | None, out: Path) -> Path:
    """Of this configuration and no other; beside the link where there is one, for only this node's user to see."""
    return (link or out) / CHECKPOINTS / RunConfig.of_task(task).digest().hex()[:16]
