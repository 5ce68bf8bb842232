"""The plan of a run on one machine: what is started, with which words, and what each may use of the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shoal_base.errors import InputRefused
from shoal_orchestrator.planning.places import Places
from shoal_swarm.service.children import Order
from shoal_swarm.service.host import Host
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.task import Task

SENTINEL: Final = "sentinel-1"
LOOPBACK: Final = "127.0.0.1"
POOLED: Final = "pooled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for."""

    task: Task
    task_file: Path
    host: Host
    profile_file: Path
    baselines: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this machine has to offer."""

    cores: int
    ports: Sequence[int]
    """Free ones: the sentinel's first, then one for each node."""
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything that is started."""

    wanted: Wanted
    places: Places
    config: RunConfig
    sentinel: Order
    nodes: Mapping[str, Order]
    baselines: Mapping[str, Order]
    """By the name of the node, and `pooled`."""
    at_once: int
    """How many baselines run side by side."""

    @property
    def orders(self) -> Sequence[Order]:
        """All of them."""
        return (self.sentinel, *self.nodes.values(), *self.baselines.values())


def check(wanted: Wanted) -> None:
    """Refuse what cannot work before anything is changed."""
    task, host = wanted.task, wanted.host
    offered = host.profile.nodes
    if len(offered) != task.swarm.nodes:
        raise InputRefused(
            f"{wanted.task_file} wants swarm.nodes: {task.swarm.nodes}, and {wanted.profile_file} offers "
            f"{len(offered)}. On one machine the profile has all of them: change one of the two."
        )
    for node in offered:
        host.check(task, node)


def plan_run(wanted: Wanted, places: Places, machine: Machine) -> RunPlan:
    """What to start for this run."""
    names = [node.name for node in wanted.host.profile.nodes]
    port, *node_ports = machine.ports
    sentinel = f"{LOOPBACK}:{port}"
    common = {**machine.environment, "SHOAL_HOME": str(places.home), "SHOAL_LOG_FORMAT": "json"}
    threads = str(max(1, machine.cores // len(names)))
    learning = {**common, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    at_once = max(1, min(machine.cores, len(names)))
    about = ("--task", str(wanted.task_file))
    offer = (*about, "--profile", str(wanted.profile_file))
    return RunPlan(
        wanted=wanted,
        places=places,
        config=RunConfig.of_task(wanted.task),
        sentinel=Order(
            name="the sentinel",
            arguments=["sentinel", *about, "--port", str(port), *_keys(places, SENTINEL)],
            environment=common,
            log=places.logs / "sentinel.log",
        ),
        nodes={
            name: Order(
                name=name,
                arguments=[
                    "node",
                    *offer,
                    *("--sentinel", sentinel, "--sentinel-name", SENTINEL, "--address", f"{LOOPBACK}:{node_port}"),
                    *_keys(places, name),
                ],
                environment=learning,
                log=places.logs / f"{name}.log",
            )
            for name, node_port in zip(names, node_ports, strict=True)
        },
        baselines=_baselines(names, offer, places, learning) if wanted.baselines else {},
        at_once=at_once,
    )


def _baselines(
    names: Sequence[str], offer: Sequence[str], places: Places, environment: Mapping[str, str]
) -> dict[str, Order]:
    """The longest first, so that nobody waits for it in the end."""
    whose = {POOLED: ["--pooled"], **{name: ["--node", name, "--alone"] for name in names}}
    return {
        name: Order(
            name=f"{name} without a swarm",
            arguments=["train", *offer, *words, "--out", str(places.baseline(name))],
            environment=environment,
            log=places.logs / f"baseline-{name}.log",
        )
        for name, words in whose.items()
    }


def _keys(places: Places, name: str) -> list[str]:
    folder = places.identity(name)
    return [
        *("--key", str(folder / "key.pem"), "--cert", str(folder / "cert.pem")),
        *("--capath", str(places.certs / "capath")),
    ]


def told(plan: RunPlan) -> list[str]:
    """What would happen, for whoever wants to know before it does."""
    task, config = plan.wanted.task, plan.config
    return [
        f"Run {config.run}: {task.recipe} on {task.model.name}, {config.rounds} rounds, {len(plan.nodes)} nodes.",
        f"Everything of it goes to {plan.places.root}; results to the profile's outputs:",
        *(f"  {node.name}: {plan.wanted.host.output(node)}" for node in plan.wanted.host.profile.nodes),
        "It would make throw-away certificates and start:",
        *(f"  shoal {' '.join(order.arguments)}" for order in plan.orders),
    ]
