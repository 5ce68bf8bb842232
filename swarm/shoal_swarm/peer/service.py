"""A peer as a process: its links, its places on the disk and its threads, around one host."""

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from shoal_base.logs import get_log
from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Identity, Role
from shoal_swarm.merge import plan_pieces
from shoal_swarm.peer.addresses import address_of, spelled
from shoal_swarm.peer.control import keep_control_link
from shoal_swarm.peer.exchange import Exchange
from shoal_swarm.peer.host import PeerHost, Places
from shoal_swarm.peer.spool import Spool
from shoal_swarm.peer.storage import open_storage
from shoal_swarm.peer.synthetic import Synthetic, fit_of, synthetic_spec
from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.messages import AnyMessage, Revocations
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer.knowledge import Identity as PeerIdentity
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.service.copies import KEPT
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.outbox import Outbox
from shoal_swarm.service.revocations import take_revocations
from shoal_swarm.service.run_config import RunConfig
from shoal_swarm.service.stopping import stop_on_signals
from shoal_swarm.service.vouchers import Vouching
from shoal_swarm.service.window import window
from shoal_swarm.transport.contract import Address
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring

SPOOL_RESERVE_BYTES = 64 << 20
_GOODBYE_S = 1.0
_GOODBYE_LOOKS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSettings:
    """What one peer is started with."""

    files: CredentialFiles
    config: RunConfig
    sentinel: Address
    sentinel_name: str
    listen: Address
    address: Address
    """What others dial; port 0 stands for the one that is listened on."""
    state: Path
    timing: Timing
    boundaries: Boundaries


async def take_part(settings: PeerSettings, say: Callable[[str], None]) -> dict[int, str]:
    """Take part in a run until it is over or somebody asks this process to end; the adapter's root by round."""
    stopped = stop_on_signals()
    keyring = Keyring(settings.files)
    node, config = NodeName(keyring.identity.name), settings.config
    with ExitStack() as things:
        storage = things.enter_context(closing(open_storage(settings.state / KEPT, run=config.rules().run, node=node)))
        disk = things.enter_context(ThreadPoolExecutor(1, "disk"))
        work = things.enter_context(ThreadPoolExecutor(1, "work"))
        # Pairs are small matrices: on busy cores, threads inside one product wait far longer than they work.
        things.enter_context(threadpool_limits(1, user_api="blas"))
        places = Places(storage, Spool(settings.state / "spool", SPOOL_RESERVE_BYTES), disk, work)
        async with TlsEndpoint(keyring) as endpoint:
            listening = await endpoint.listen(settings.listen)
            address = spelled((settings.address[0], settings.address[1] or listening[1]))
            host = await _host(settings, keyring, places, address, say)
            say(f"{keyring.identity} listens on {spelled(listening)}")
            async with window(settings.state, lambda: _facts(host, address)), asyncio.TaskGroup() as tasks:
                working = tasks.create_task(_work(settings, endpoint, keyring, host, places), name="peer")
                leaving = tasks.create_task(_leave(stopped, host), name="signals")
                await host.ended.wait()
                leaving.cancel()
                await _say_goodbye(host)
                working.cancel()
    if host.problem is not None and not stopped.is_set():
        raise host.problem
    return host.adapters


async def _host(
    settings: PeerSettings, keyring: Keyring, places: Places, address: str, say: Callable[[str], None]
) -> PeerHost:
    config = settings.config
    spec, plan = synthetic_spec(config.adapter_bytes), config.plan()
    vouching, node = Vouching(keyring), NodeName(keyring.identity.name)
    found = await asyncio.get_running_loop().run_in_executor(places.disk, places.storage.read_back)
    for note in found.notes:
        get_log().warning("damage_noticed", note=note)
    identity = PeerIdentity(
        node=node,
        boot_nonce=secrets.token_hex(16),
        address=address,
        fit=fit_of(spec, plan),
        sign=vouching.sign,
        verify=vouching.verify,
    )
    run = PeerRun(
        identity,
        config.rules(),
        settings.timing,
        time.monotonic(),
        books=found.books,
        ledger=found.ledger,
        blobs=found.blobs,
    )
    contributor = Synthetic(config.run, str(node), plan, plan_pieces(spec))
    return PeerHost(run, places, Outbox(), contributor, say, settings.boundaries)


async def _work(
    settings: PeerSettings, endpoint: TlsEndpoint, keyring: Keyring, host: PeerHost, places: Places
) -> None:
    knowledge = host.run.knowledge
    sentinel = Identity(endpoint.identity.swarm, Role.SENTINEL, settings.sentinel_name)

    def where(node: NodeName) -> Address | None:
        participant = knowledge.nodes.get(node)
        return None if participant is None else address_of(participant.address)

    async with asyncio.TaskGroup() as tasks:
        exchange = Exchange(
            endpoint=endpoint,
            run=knowledge.rules.run,
            store=places.spool.arrivals,
            address_of=where,
            may_ask=lambda node: knowledge.record is not None and node in knowledge.record.admitted,
            read=host.read_to_serve,
            arrived=host.arrived,
            failed=host.failed,
            tasks=tasks,
        )
        tasks.create_task(exchange.accept_all(), name="accept")

        async def hear(message: AnyMessage) -> None:
            if isinstance(message, Revocations):
                await take_revocations(keyring, message)
            else:
                await host.hear(message)

        control = keep_control_link(endpoint, settings.sentinel, sentinel, host.outbox, hear)
        tasks.create_task(control, name="control link")
        await host.drive(exchange)


def _facts(host: PeerHost, address: str) -> dict[str, Any]:
    run = host.run
    lease_s = run.knowledge.timing.lease_s
    silent = f"no sentinel has been heard for more than {lease_s:g} s" if run.link.is_silent(time.monotonic()) else ""
    return {
        "kind": "peer",
        "identity": str(run.knowledge.node),
        "address": address,
        "run": str(run.knowledge.rules.run),
        "incarnation": run.link.incarnation,
        "applied": run.knowledge.books.applied,
        "parts": {"contributor": run.contributor.state, "owner": run.owner.state, "holder": run.holder.state},
        "adapters": host.adapters,
        "problems": [silent] if silent else [],
    }


async def _say_goodbye(host: PeerHost) -> None:
    """Give the last words a moment to leave; whoever misses them notices the silence."""
    for _ in range(_GOODBYE_LOOKS):
        if host.outbox.is_empty:
            return
        await asyncio.sleep(_GOODBYE_S / _GOODBYE_LOOKS)


async def _leave(stopped: asyncio.Event, host: PeerHost) -> None:
    await stopped.wait()
    host.leave()
