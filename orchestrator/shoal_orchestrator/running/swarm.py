"""Carries out a plan: the swarm first, then whatever it is compared with."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shoal_base.errors import ShoalError
from shoal_base.exits import ExitCode
from shoal_orchestrator.engines.contract import Engine, Work
from shoal_orchestrator.planning.plan import RunPlan
from shoal_orchestrator.reporting.results import merged_measures
from shoal_orchestrator.running.folder import write_whole
from shoal_orchestrator.running.show import Show
from shoal_orchestrator.running.watching import Sight, Teller, look
from shoal_swarm.service.children import NOTICE
from shoal_swarm.service.stopping import stop_on_signals

LOOK_S: Final = 0.5
READY: Final = "ready, listening on"


class RunInterrupted(ShoalError):
    """Somebody asked the run to end before it was over."""

    exit_code = ExitCode.INTERRUPTED


@dataclass(slots=True)
class Run:
    """One plan under way."""

    plan: RunPlan
    engine: Engine
    show: Show

    async def carry_out(self) -> None:
        """Until everything is done; whoever asks for an end before gets `RunInterrupted`."""
        stopped = stop_on_signals()
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(self._work(), name="run")
            asked = tasks.create_task(stopped.wait(), name="signals")
            await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if not working.done():
                self.show.say("Stopping, as asked.")
                working.cancel()
                await asyncio.wait((working,))
                raise RunInterrupted(
                    f"Interrupted. What was finished is kept in {self.plan.places.root}; the same command goes on from "
                    "there."
                )

    async def _work(self) -> None:
        if not self.plan.places.swum.exists():
            await self._swim()
        await self._compare()

    async def _swim(self) -> None:
        """Sentinel and nodes, until every node has its result."""
        began, ready = _now(), asyncio.Event()

        def hear_sentinel(line: str) -> None:
            if line.startswith(READY):
                ready.set()
            self._hear(line)

        sentinel = self.engine.place(self.plan.sentinel, hear_sentinel)
        nodes = {name: self.engine.place(order, self._hear) for name, order in self.plan.nodes.items()}
        try:
            async with asyncio.TaskGroup() as tasks:
                guarding = tasks.create_task(_keep(sentinel), name="sentinel")
                await ready.wait()
                self.show.say(f"The sentinel is ready. {len(nodes)} nodes are starting; each has data of its own.")
                teller = Teller(list(nodes), self.plan.config.rounds, self.plan.wanted.task.evaluate.select)
                watching = tasks.create_task(self._watch(teller), name="watch")
                await asyncio.gather(*(tasks.create_task(node.run(), name=name) for name, node in nodes.items()))
                watching.cancel()
                guarding.cancel()
        finally:
            await _stop_all([*nodes.values(), sentinel])
        self._tell(teller, {name: Sight(merged=merged_measures(self.plan, name)) for name in nodes})
        write_whole(self.plan.places.swum, f"{_now() - began:.1f} s\n")
        self.show.say(f"Every node has the swarm's adapter, {_now() - began:.0f} s after the start.")

    async def _watch(self, teller: Teller) -> None:
        plan = self.plan
        while True:
            sights = {}
            for name in plan.nodes:
                state = plan.places.state(plan.config.run, name)
                sight = await asyncio.to_thread(look, state, plan.wanted.task.evaluate.select)
                if sight is not None:
                    sights[name] = sight
            self._tell(teller, sights)
            self.show.update(sights)
            await asyncio.sleep(LOOK_S)

    def _tell(self, teller: Teller, sights: Mapping[str, Sight]) -> None:
        for line in teller.lines(sights):
            self.show.say(line)

    async def _compare(self) -> None:
        """Each node without a swarm, and everybody's data in one place, a few at once."""
        due = {
            name: order
            for name, order in self.plan.baselines.items()
            if not (self.plan.places.baseline(name) / "metrics.json").is_file()
        }
        if due:
            self.show.say(f"For comparison, without a swarm and at equal steps: {', '.join(due)}.")
        places = asyncio.Semaphore(self.plan.at_once)
        works = {name: self.engine.place(order, self._hear) for name, order in due.items()}

        async def train(name: str, work: Work) -> None:
            async with places:
                began = _now()
                await work.run()
                self.show.say(f"{name} is trained, in {_now() - began:.0f} s.")

        try:
            async with asyncio.TaskGroup() as tasks:
                for name, work in works.items():
                    tasks.create_task(train(name, work), name=name)
        finally:
            await _stop_all(list(works.values()))

    def _hear(self, line: str) -> None:
        """Deaths are worth saying; the rest is in the logs."""
        if line.startswith(NOTICE):
            self.show.say(line)


async def _keep(work: Work) -> None:
    """A sentinel that was asked to end by somebody else is needed all the same."""
    while True:
        await work.run()


async def _stop_all(works: Sequence[Work]) -> None:
    await asyncio.gather(*(work.stop() for work in works))


def _now() -> float:
    return asyncio.get_running_loop().time()
