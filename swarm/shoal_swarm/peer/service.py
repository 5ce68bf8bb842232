"""A peer as a process: its links, its places on the disk and its threads, around one host."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from shoal_base.logs import get_log
from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Identity, Role
from shoal_swarm.merge import AdapterSpec, plan_pieces
from shoal_swarm.peer.addresses import address_of, spelled
from shoal_swarm.peer.contributing import Contributor
from shoal_swarm.peer.control import keep_control_link
from shoal_swarm.peer.exchange import Exchange
from shoal_swarm.peer.fitting import fit
from shoal_swarm.peer.host import PeerHost
from shoal_swarm.peer.places import Places
from shoal_swarm.peer.spool import Spool
from shoal_swarm.peer.stopwatch import Stopwatch
from shoal_swarm.peer.storage import open_storage
from shoal_swarm.peer.synthetic import Synthetic, fit_of, synthetic_spec
from shoal_swarm.peer.trainer_desk import TrainerDesk
from shoal_swarm.peer.trainer_line import TrainerLine
from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.messages import AnyMessage, Revocations
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer.knowledge import Identity as PeerIdentity
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.service.copies import KEPT
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.memory import keep_freed_memory
from shoal_swarm.service.outbox import Outbox
from shoal_swarm.service.revocations import take_revocations
from shoal_swarm.service.run_config import rules_of
from shoal_swarm.service.stopping import stop_on_signals
from shoal_swarm.service.vouchers import Vouching
from shoal_swarm.service.weighing import weigh_by_examples
from shoal_swarm.service.window import window
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.run import Synthetic as SyntheticWork
from shoal_swarm.trainer_link.places import LinkNote
from shoal_swarm.transport.contract import Address
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring

Answer = TypeVar("Answer")
SPOOL_RESERVE_BYTES = 64 << 20
MERGE_THREADS = min(4, os.cpu_count() or 1)
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
    link: Path
    """Where this node's trainer meets it, if the run has a task."""
    trainer_is_done: bool
    """Whether the trainer has the run's result already, and will not come back."""
    timing: Timing
    boundaries: Boundaries


async def take_part(settings: PeerSettings, say: Callable[[str], None]) -> dict[int, str]:
    """Take part in a run until it is over or somebody asks this process to end; the adapter's root by round."""
    stopped = stop_on_signals()
    keep_freed_memory()
    keyring = Keyring(settings.files)
    node, config = NodeName(keyring.identity.name), settings.config
    with ExitStack() as things:
        run = rules_of(config).run
        storage = things.enter_context(closing(open_storage(settings.state / KEPT, run=run, node=node)))
        disk = things.enter_context(ThreadPoolExecutor(1, "disk"))
        work = things.enter_context(ThreadPoolExecutor(1, "work"))
        # Pairs are small matrices: on busy cores, threads inside one product wait far longer than they work.
        things.enter_context(threadpool_limits(1, user_api="blas"))
        merging = things.enter_context(ThreadPoolExecutor(MERGE_THREADS, "merge"))
        spool = Spool(settings.state / "spool", SPOOL_RESERVE_BYTES)
        places = Places(storage, spool, disk=disk, work=work, merging=merging)
        async with _contributing(settings, str(node), stopped) as found, TlsEndpoint(keyring) as endpoint:
            if found is None:
                return {}
            contributor, fit = found
            listening = await endpoint.listen(settings.listen)
            address = spelled((settings.address[0], settings.address[1] or listening[1]))
            host = await _host(settings, _identity(keyring, address, fit), places, contributor, say)
            say(f"{keyring.identity} listens on {spelled(listening)}")
            show = window(settings.state, lambda: {**_facts(host, address), "contributor": contributor.facts()})
            async with show, asyncio.TaskGroup() as tasks:
                working = tasks.create_task(_work(settings, endpoint, keyring, host, places), name="peer")
                leaving = tasks.create_task(_leave(stopped, host), name="signals")
                await host.ended.wait()
                leaving.cancel()
                await _say_goodbye(host)
                working.cancel()
    if host.problem is not None and not stopped.is_set():
        raise host.problem
    return host.adapters


@asynccontextmanager
async def _contributing(
    settings: PeerSettings, node: str, stopped: asyncio.Event
) -> AsyncIterator[tuple[Contributor, Fit] | None]:
    """Whoever makes this node's contributions, as soon as it has shown what they look like; None if asked to end."""
    config, plan = settings.config, settings.config.plan()
    if isinstance(config.work, SyntheticWork):
        spec = synthetic_spec(config.work.adapter_bytes)
        yield Synthetic(config.run, node, plan, plan_pieces(spec)), fit_of(spec, plan)
        return
    note = LinkNote(run=config.run, config=config.digest().hex(), is_aligned=plan.aligns)
    async with TrainerLine.listening(settings.link, note) as line:
        shown = await _unless(stopped, line.introduced())
        if shown is None:
            yield None
            return
        spec = AdapterSpec.from_bytes(shown.adapter)
        hashes = {"base_model": shown.base_model, "tokenizer": shown.tokenizer, "labels": shown.labels}
        yield TrainerDesk(line, shown, plan, is_done=settings.trainer_is_done), fit(spec, plan, **hashes)


async def _unless(stopped: asyncio.Event, awaited: Coroutine[Any, Any, Answer]) -> Answer | None:
    """What is awaited, or None where somebody asks this process to end before it is there."""
    async with asyncio.TaskGroup() as tasks:
        wanted = tasks.create_task(awaited, name="awaited")
        ended = tasks.create_task(stopped.wait(), name="stopped")
        await asyncio.wait((wanted, ended), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if wanted.done():
            return wanted.result()
        wanted.cancel()
        return None


def _identity(keyring: Keyring, address: str, fit: Fit) -> PeerIdentity:
    vouching = Vouching(keyring)
    return PeerIdentity(
        node=NodeName(keyring.identity.name),
        boot_nonce=secrets.token_hex(16),
        address=address,
        fit=fit,
        sign=vouching.sign,
        verify=vouching.verify,
    )


async def _host(
    settings: PeerSettings, identity: PeerIdentity, places: Places, contributor: Contributor, say: Callable[[str], None]
) -> PeerHost:
    found = await asyncio.get_running_loop().run_in_executor(places.disk, places.storage.read_back)
    for note in found.notes:
        get_log().warning("damage_noticed", note=note)
    run = PeerRun(
        identity,
        rules_of(settings.config),
        settings.timing,
        time.monotonic(),
        weigh=weigh_by_examples,
        books=found.books,
        ledger=found.ledger,
        blobs=found.blobs,
    )
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
            spool=places.spool,
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
        host.stopwatch = Stopwatch(
            settings.state,
            host.contributor.plan,
            host.contributor.pieces,
            lambda: (exchange.content_bytes, endpoint.bytes_carried),
        )
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
