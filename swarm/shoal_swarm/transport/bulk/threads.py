"""Blocking work beside the loop, which a cancelled caller still waits for: a thread cannot be cancelled."""

import asyncio
import functools
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar


class Closable(Protocol):
    """Something that is open."""

    def close(self) -> None:
        """Let it go."""


P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=Closable)


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


async def opened_in_thread(work: Callable[P, C], *args: P.args, **kwargs: P.kwargs) -> C:
    """What `work` opens in a thread; a caller that is cancelled leaves nothing open."""
    future = begin_in_thread(work, *args, **kwargs)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait({future})
        if future.exception() is None:
            future.result().close()
        raise
