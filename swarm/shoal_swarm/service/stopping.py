"""How a process ends: SIGTERM from a supervisor, SIGINT from a person, or an error that one of its tasks met."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from shoal_base.errors import ShoalError

Result = TypeVar("Result")


def run_service(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a service to its end; an error of ours comes out as itself, not wrapped in the groups of its tasks."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        ours = _first_of_ours(group)
        if ours is None:
            raise
        raise ours from group


def _first_of_ours(problem: BaseException) -> ShoalError | None:
    if isinstance(problem, BaseExceptionGroup):
        return next((found for one in problem.exceptions if (found := _first_of_ours(one))), None)
    return problem if isinstance(problem, ShoalError) else None


def stop_on_signals() -> asyncio.Event:
    """Set when somebody asks this process to end."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
