"""Keep the two halves of a node running until its result is written, or somebody asks it to end."""

import asyncio
from collections.abc import Mapping

from shoal_base.logs import get_log
from shoal_node.supervision.halves import NodePlan
from shoal_swarm.service.children import Child, Hear
from shoal_swarm.service.stopping import stop_on_signals

TRAINER_ENDS_S = 60.0
"""A trainer that has its result may take so long to write it down and end."""


async def keep_node(plan: NodePlan, environment: Mapping[str, str], hear: Hear) -> bool:
    """True when the result is written; False when somebody asked the node to end before."""
    stopped = stop_on_signals()
    trainer, peer = Child(plan.trainer(environment), hear), Child(plan.peer(environment), hear)
    try:
        async with asyncio.TaskGroup() as tasks:
            learning = tasks.create_task(trainer.run(), name="trainer")
            serving = tasks.create_task(_serve(peer, plan, environment, learning), name="peer")
            asked = tasks.create_task(stopped.wait(), name="signals")
            await asyncio.wait((serving, asked), return_when=asyncio.FIRST_COMPLETED)
            is_done = serving.done()
            await trainer.stop()
            await peer.stop()
            for task in (learning, serving, asked):
                task.cancel()
    finally:
        await trainer.stop()
        await peer.stop()
    return is_done


async def _serve(peer: Child, plan: NodePlan, environment: Mapping[str, str], learning: asyncio.Task[None]) -> None:
    """Until the trainer is done and the others need this peer no more; a peer that was sent away comes back."""

    def note(_: asyncio.Task[None]) -> None:
        peer.order = plan.peer(environment, trainer_is_done=True)

    learning.add_done_callback(note)
    while True:
        await peer.run()
        await asyncio.wait((learning,), timeout=TRAINER_ENDS_S)
        if learning.done():
            return
        get_log().warning("peer_missed", node=plan.name)
