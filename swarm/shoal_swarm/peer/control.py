"""The peer's link to the sentinel: dialled, and dialled again with growing pauses for as long as the process lives."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from shoal_base.logs import get_log
from shoal_certs.identity import Identity
from shoal_swarm.protocol.messages import AnyMessage
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.service.outbox import Outbox
from shoal_swarm.service.pumping import pump
from shoal_swarm.transport.contract import Address, Endpoint
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason

_FIRST_PAUSE_S: Final = 0.2
_PAUSE_MAX_S: Final = 5.0


async def keep_control_link(
    endpoint: Endpoint,
    address: Address,
    sentinel: Identity,
    outbox: Outbox,
    hear: Callable[[AnyMessage], Awaitable[None]],
) -> None:
    """Keep a link to the sentinel until cancelled; what is said while there is none is said again by who said it.

    Raises `LinkRefused` or `LinkEnded` only where the two builds have no version of the protocol in common.
    """
    log = get_log(peer=sentinel.uri)
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            link = await endpoint.dial(address, LinkKind.CONTROL, sentinel)
            pause_s = _FIRST_PAUSE_S
            await pump(link, outbox, hear)
        except (LinkEnded, LinkRefused) as problem:
            if problem.reason is Reason.NO_COMMON_VERSION:
                raise  # dialling again does not make either build newer
            log.warning("sentinel_not_reached", reason=problem.reason.value, detail=problem.detail)
        outbox.clear()
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads dials, guards nothing
        pause_s = min(_PAUSE_MAX_S, 2 * pause_s)
