"""The smallest pair of endpoints that a person can start: one takes files, the other sends one."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Identity, Role
from shoal_swarm.protocol.messages import Ping, Pong
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.courier import deliver
from shoal_swarm.transport.bulk.desks import Desks
from shoal_swarm.transport.bulk.hooks import Delivery
from shoal_swarm.transport.bulk.source import FileSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.contract import Address
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.link import GreetedLink
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that the other side has, verified and durable."""

    content: str
    size: int
    receiver: Identity


async def echo(files: CredentialFiles, address: Address, into: Path, say: Callable[[str], None]) -> int:
    """Take files and answer pings until SIGINT or SIGTERM; how many contents came."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    store = Store(into, DEFAULT_LIMITS.disk_reserve_bytes)
    received = 0

    def note(delivery: Delivery) -> None:
        nonlocal received
        received += 1
        say(f"received {delivery.size} bytes from {delivery.sender.identity}: {delivery.path}")

    async with (
        TlsEndpoint(Keyring(files)) as endpoint,
        Desks(endpoint, store, on_delivery=note) as desks,
        asyncio.TaskGroup() as links,
    ):
        host, port = await endpoint.listen(address)
        say(f"{endpoint.identity} listens on {host}:{port}")
        accepting = links.create_task(_accept_all(endpoint, desks), name="accept")
        await stopped.wait()
        accepting.cancel()
    return received


async def send(
    files: CredentialFiles, path: Path, address: Address, expect: str, watch: Callable[[int, int], None]
) -> Sent:
    """Bring a file to the node of that name; after a break it goes on from where it was."""
    source = await asyncio.to_thread(FileSource, path)
    try:
        async with TlsEndpoint(Keyring(files)) as endpoint, Desks(endpoint) as desks:
            receiver = Identity(endpoint.identity.swarm, Role.NODE, expect)
            size = source.description.size
            await deliver(
                lambda: desks.reach(address, receiver),
                source,
                patience_s=PATIENCE_S,
                on_progress=lambda there: watch(there, size),
            )
    finally:
        source.close()
    return Sent(source.description.content.hex(), size, receiver)


async def _accept_all(endpoint: TlsEndpoint, desks: Desks) -> None:
    async with asyncio.TaskGroup() as links:
        while True:
            link = await endpoint.accept()
            if link.kind is LinkKind.BULK:
                desks.serve(link)
            else:
                links.create_task(_answer(link), name=f"serve {link.peer.identity}")


async def _answer(link: GreetedLink) -> LinkEnded | LinkRefused:
    try:
        while True:
            parcel = await link.receive()
            if isinstance(parcel.message, Ping):
                await link.send(Pong(number=parcel.message.number), parcel.payload)
    except (LinkEnded, LinkRefused) as end:
        return end
