"""What all parties of a run agree on before it starts, and the hash that proves it.

Every party compiles the configuration from the same task, or from the same options, and nobody sends it to anybody:
a configuration from another party would be code. A node shows the hash when it joins, the ledger begins with it, and
whoever comes with another one is refused.
"""

import json
from typing import Annotated, Final, Literal, Self

import blake3
from pydantic import Field

from shoal_swarm.merge.plan import Plan
from shoal_swarm.spec.located import Section
from shoal_swarm.spec.task import SYNC_EVERY, Task
from shoal_swarm.spec.words import NODES_MAX, ROUNDS_MAX, STEPS_MAX, WEIGHT_MAX, Name

DIGEST_CONTEXT: Final = "shoal run configuration v1"
ADAPTER_BYTES_MIN: Final = 4 << 10
ADAPTER_BYTES_MAX: Final = 16 << 30
DRIFT_ROUNDS: Final = 4
"""A trainer that hears no sentinel goes on for so many rounds' steps."""


class Synthetic(Section):
    """Work that is made up, to try a swarm without data."""

    kind: Literal["synthetic"] = "synthetic"
    adapter_bytes: Annotated[int, Field(ge=ADAPTER_BYTES_MIN, le=ADAPTER_BYTES_MAX)]
    """Size of the adapter in float32."""


class Learning(Section):
    """Work that a task describes."""

    kind: Literal["task"] = "task"
    task: Task


class OwnScript(Section):
    """Work that each node's own script does; what it trains is compared when it joins."""

    kind: Literal["own-script"] = "own-script"


class RunConfig(Section):
    """One run."""

    shoal: Literal["run/v1"] = "run/v1"
    run: Name
    work: Annotated[Synthetic | OwnScript | Learning, Field(discriminator="kind")]
    rounds: Annotated[int, Field(ge=1, le=ROUNDS_MAX)]
    """Rounds of work, not counting round 0, which publishes the adapter that all start from."""
    min_nodes: Annotated[int, Field(ge=1, le=NODES_MAX)]
    copies: Annotated[int, Field(ge=1, le=NODES_MAX)]
    """Nodes that must hold every result durably before COMMIT."""
    owners_max: Annotated[int, Field(ge=1, le=NODES_MAX)] = NODES_MAX
    """Nodes among which the pieces of a round are split, at most."""
    sync_every: Annotated[int, Field(ge=1, le=STEPS_MAX)] = SYNC_EVERY
    drift_cap: Annotated[int, Field(ge=1, le=DRIFT_ROUNDS * STEPS_MAX)] = DRIFT_ROUNDS * SYNC_EVERY
    """Steps after which a trainer that hears no sentinel waits."""
    is_paced: bool = True
    """Whether a node that is too slow for the others takes fewer steps."""
    weight_max: Annotated[int, Field(ge=1, le=WEIGHT_MAX)] = WEIGHT_MAX
    """Examples beyond which a node weighs no more."""
    weigh: str = "mean"
    combine: str = "exact"
    dense: str = "mean"
    codec: str = "int8"

    @classmethod
    def of_task(cls, task: Task) -> Self:
        """The run that a task compiles to."""
        swarm = task.swarm
        waits = swarm.deadline == "wait"
        min_nodes = swarm.nodes if waits else (swarm.min_nodes or min(2, swarm.nodes))
        return cls(
            run=task.name,
            work=Learning(task=task),
            rounds=task.rounds,
            min_nodes=min_nodes,
            copies=min(2, min_nodes),
            sync_every=task.sync_every,
            drift_cap=task.sync_every * (1 if waits else DRIFT_ROUNDS),
            is_paced=not waits and task.train.epochs is None,
            weight_max=swarm.weight_max,
            weigh=swarm.merge.weigh,
            combine=swarm.merge.combine,
            dense=swarm.merge.dense,
            codec=swarm.codec,
        )

    @property
    def task(self) -> Task | None:
        """What is learned; nothing where work is made up."""
        return self.work.task if isinstance(self.work, Learning) else None

    def digest(self) -> bytes:
        """32 bytes that stand for the whole configuration."""
        spelled = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return blake3.blake3(spelled.encode(), derive_key_context=DIGEST_CONTEXT).digest()

    def plan(self) -> Plan:
        """The rules of its merges."""
        return Plan.named(weigh=self.weigh, combine=self.combine, dense=self.dense, codec=self.codec)
