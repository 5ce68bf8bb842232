"""Brings a content to a peer over as many links as it takes: reach it, announce, and after a break the same again."""

import asyncio
from collections.abc import Awaitable, Callable

from shoal_base.logs import get_log
from shoal_swarm.transport.backoff import Backoff
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.outgoing import nothing_to_report
from shoal_swarm.transport.bulk.source import Source
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, TransferRefused


async def deliver(
    reach: Callable[[], Awaitable[BulkDesk]],
    source: Source,
    *,
    patience_s: float,
    on_progress: Callable[[int], None] = nothing_to_report,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Deliver `source`, however often the link breaks; raises the last error after `patience_s` without progress."""
    loop = asyncio.get_running_loop()
    moved_at = loop.time()
    furthest = -1
    backoff = Backoff(limits)

    def note(bytes_there: int) -> None:
        nonlocal moved_at, furthest
        if bytes_there > furthest:
            furthest, moved_at = bytes_there, loop.time()
            backoff.reset()
        on_progress(bytes_there)

    while True:
        try:
            await (await reach()).send(source, note)
        except (LinkEnded, LinkRefused, TransferRefused) as problem:
            if not _may_pass(problem, linked_before=furthest >= 0) or loop.time() - moved_at > patience_s:
                raise
            get_log().info("delivery_interrupted", reason=problem.reason.value, detail=problem.detail)
        else:
            return
        await asyncio.sleep(backoff.next_s())


def _may_pass(problem: LinkEnded | LinkRefused | TransferRefused, *, linked_before: bool) -> bool:
    if problem.reason is Reason.REFUSED_BY_PEER:  # which a connection that broke while it was greeted looks like too
        return linked_before
    return isinstance(problem, LinkEnded) or problem.reason in {Reason.ALREADY_COMING, Reason.STALLED}
