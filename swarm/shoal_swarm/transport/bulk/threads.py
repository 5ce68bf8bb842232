"""Blocking work beside the loop, which a cancelled caller still waits for: a thread cannot be cancelled."""

import asyncio
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def begin_in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[R]":
    """Start `work` in a thread."""
    return asyncio.get_running_loop().run_in_executor(None, functools.partial(work, *args, **kwargs))


async def in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `work` in a thread; whatever happens to the caller, it is over when this returns."""
    future = begin_in_thread(work, *args, **kwargs)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait({future})
        raise
