"""Moves messages between a control link and the two boxes of a process, until the link ends."""

import asyncio
from collections.abc import Awaitable, Callable

from shoal_swarm.protocol.messages import AnyMessage, Ping, Pong
from shoal_swarm.service.outbox import Outbox
from shoal_swarm.transport.contract import Link
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused

Hear = Callable[[AnyMessage], Awaitable[None]]


async def pump(link: Link, outbox: Outbox, hear: Hear) -> LinkEnded | LinkRefused:
    """Serve `link` until it ends; how it ended."""
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_write(link, outbox), name=f"write to {link.peer.identity}")
        try:
            return await _read(link, outbox, hear)
        finally:
            writing.cancel()


async def _read(link: Link, outbox: Outbox, hear: Hear) -> LinkEnded | LinkRefused:
    try:
        while True:
            parcel = await link.receive()
            if isinstance(parcel.message, Ping):
                outbox.put(Pong(number=parcel.message.number))
            elif not isinstance(parcel.message, Pong):
                await hear(parcel.message)
    except (LinkEnded, LinkRefused) as end:
        return end


async def _write(link: Link, outbox: Outbox) -> None:
    try:
        while True:
            await link.send(await outbox.take())
    except (LinkEnded, LinkRefused):
        return  # whoever reads learns why
