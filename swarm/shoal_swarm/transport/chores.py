"""Tasks that an endpoint owns: named, logged when they fail, and all over when the endpoint is."""

import asyncio
from collections.abc import Coroutine

from shoal_base.logs import get_log


class Chores:
    """A task group without a block: an endpoint lives as long as its user wants, and one failed chore ends no other."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[object, object, None], name: str) -> None:
        """Do `work` beside everything else."""
        task = asyncio.Task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def close(self) -> None:
        """Cancel what is not done yet, and wait for it."""
        await asyncio.sleep(0)  # what has not begun would be cancelled without its clean-up
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            get_log().error("chore_failed", chore=task.get_name(), exc_info=problem)
