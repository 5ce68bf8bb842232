"""Holds one link to a party for as long as somebody wants it: after a loss, an age or a refusal it dials again.

Links end: networks break, the other side restarts, and every link is dialled anew when it is old, so that
certificates are asked for again. A refusal is tried again too, at the slowest pace: whoever refuses us today may
have our new certificate, or its own new list, tomorrow.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from shoal_base.logs import get_log
from shoal_certs.identity import Identity
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.backoff import Backoff
from shoal_swarm.transport.contract import Address, Endpoint, Link
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason


async def keep_link(
    endpoint: Endpoint,
    address: Address,
    peer: Identity,
    use: Callable[[Link], Awaitable[None]],
    *,
    kind: LinkKind = LinkKind.CONTROL,
    limits: Limits = DEFAULT_LIMITS,
) -> NoReturn:
    """Dial `peer` and `use` the link, again and again, until cancelled.

    `use` receives from the link until that raises `LinkEnded` or `LinkRefused`; when it returns, the link is closed.
    """
    loop = asyncio.get_running_loop()
    backoff = Backoff(limits)
    log = get_log(peer=peer.uri, link=kind.value)
    said: Reason | None = None
    while True:
        began_at = loop.time()
        try:
            await _use_one(await endpoint.dial(address, kind, peer), use)
            reason = Reason.CLOSED
        except (LinkEnded, LinkRefused) as end:
            reason = end.reason
            if reason is not said:  # once for each reason, however long it lasts
                log.warning("link_not_kept", reason=reason.value, problem=str(end))
            pause_s = limits.retry_max_s if isinstance(end, LinkRefused) else None
        else:
            pause_s = None
        said = reason
        if loop.time() - began_at > limits.retry_max_s:  # it held; one that ends at once is no success
            backoff.reset()
            said = None
        await asyncio.sleep(backoff.next_s() if pause_s is None else pause_s)


async def _use_one(link: Link, use: Callable[[Link], Awaitable[None]]) -> None:
    try:
        await use(link)
    finally:
        await link.close()
