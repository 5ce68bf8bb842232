"""A swarm in one process: real peers, a real sentinel, real disks, and links of the in-memory twin."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

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
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import SENTINEL, NodeName
from shoal_swarm.protocol.peer.knowledge import Identity as PeerIdentity
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.register import open_register
from shoal_swarm.sentinel.records import Records
from shoal_swarm.sentinel.run_host import RunHost
from shoal_swarm.sentinel.service import Switchboard
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.outbox import Outbox
from shoal_swarm.service.run_config import rules_of
from shoal_swarm.service.weighing import weigh_by_examples
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.run import Synthetic as SyntheticWork
from shoal_swarm.transport.contract import Address
from shoal_swarm.transport.memory import MemoryEndpoint, MemoryNetwork

SWARM = "crowd"
RESERVE_BYTES = 1 << 20
UNHURRIED = msgspec.structs.replace(
    Timing.lan(), lease_s=30.0, lag_s=30.0, fetch_stall_s=30.0, transfer_floor_s=120.0, hold_s=120.0
)
"""One core plays everybody, so whoever is slow is only waiting for its turn."""


@dataclass(frozen=True)
class Stamp:
    """Stands for a key: who says what, and a digest."""

    name: str

    def sign(self, data: bytes) -> bytes:
        """A stamp under `data`."""
        return f"{self.name}|".encode() + digest_of(data)

    def verify(self, node: NodeName, data: bytes, stamp: bytes) -> bool:
        """Whether it is that node's."""
        return stamp == Stamp(str(node)).sign(data)


@dataclass
class Crowd:
    """Everybody, by name."""

    folder: Path
    config: RunConfig
    adapters: dict[str, dict[int, str]] = field(default_factory=dict)
    hosts: dict[str, PeerHost] = field(default_factory=dict)
    _network: MemoryNetwork = field(default_factory=lambda: MemoryNetwork(np.random.default_rng(7)))
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, "crowd"))

    @asynccontextmanager
    async def running(self, peers: int) -> AsyncIterator[None]:
        """The whole swarm, for the length of the block."""
        with closing(open_register(f"sqlite:///{self.folder / 'register' / 'register.db'}")) as register:
            stamp = Stamp(str(SENTINEL))
            records = Records(register, self.config.run)
            board = Switchboard(lambda: b"a list that nobody here can read: the twin knows no certificates")
            books = ThreadPoolExecutor(1, "books")
            run = RunHost(rules_of(self.config), UNHURRIED, stamp, records, books, board.say, Boundaries())  # type: ignore[arg-type]
            await run.open()
            board.runs[self.config.run] = run
            endpoint = MemoryEndpoint(self._network, Identity(SWARM, Role.SENTINEL, "sentinel-1"))
            place = await endpoint.listen(("memory", 0))
            async with asyncio.TaskGroup() as tasks:
                started = [tasks.create_task(run.drive()), tasks.create_task(_serve(endpoint, board))]
                started += [tasks.create_task(self._peer(f"node-{n}", place)) for n in range(1, peers + 1)]
                yield
                for task in started:
                    task.cancel()
            books.shutdown()
        self._threads.shutdown()

    async def until(self, is_so: Callable[[], bool], seconds: float) -> None:
        """Wait for something."""
        async with asyncio.timeout(seconds):
            while not is_so():  # noqa: ASYNC110 - adapters come from elsewhere, and nobody tells of them
                await asyncio.sleep(0.05)

    async def _peer(self, name: str, sentinel: Address) -> None:
        with self._places(name) as places:
            endpoint = MemoryEndpoint(self._network, Identity(SWARM, Role.NODE, name))
            address = spelled(await endpoint.listen(("memory", 0)))
            host = self.hosts[name] = PeerHost(
                self._run(name, address, places), places, Outbox(), self._contributor(name), _quiet, Boundaries()
            )
            self.adapters[name] = host.adapters
            knowledge = host.run.knowledge
            async with asyncio.TaskGroup() as tasks:
                exchange = Exchange(
                    endpoint=endpoint,
                    run=knowledge.rules.run,
                    spool=places.spool,
                    address_of=lambda node: address_of(knowledge.nodes[node].address),
                    may_ask=lambda node: knowledge.record is not None and node in knowledge.record.admitted,
                    read=host.read_to_serve,
                    arrived=host.arrived,
                    failed=host.failed,
                    tasks=tasks,
                )
                tasks.create_task(exchange.accept_all())
                who = Identity(SWARM, Role.SENTINEL, "sentinel-1")
                tasks.create_task(keep_control_link(endpoint, sentinel, who, host.outbox, host.hear))
                await host.drive(exchange)

    @property
    def adapter_bytes(self) -> int:
        """Size of its made-up adapters."""
        assert isinstance(self.config.work, SyntheticWork)
        return self.config.work.adapter_bytes

    @contextmanager
    def _places(self, name: str) -> Iterator[Places]:
        run = rules_of(self.config).run
        with closing(
            open_storage(self.folder / name / "kept", run=run, node=NodeName(name), reserve_bytes=RESERVE_BYTES)
        ) as storage:
            spool, threads = Spool(self.folder / name / "spool", RESERVE_BYTES), self._threads
            yield Places(storage, spool, disk=threads, work=threads, merging=threads)

    def _run(self, name: str, address: str, places: Places) -> PeerRun:
        found = places.storage.read_back()
        stamp, spec = Stamp(name), synthetic_spec(self.adapter_bytes)
        identity = PeerIdentity(
            node=NodeName(name),
            boot_nonce=digest_of(name.encode()).hex()[:32],
            address=address,
            fit=fit_of(spec, self.config.plan()),
            sign=stamp.sign,
            verify=stamp.verify,
        )
        rules = rules_of(self.config)
        return PeerRun(
            identity,
            rules,
            UNHURRIED,
            time.monotonic(),
            weigh=weigh_by_examples,
            books=found.books,
            ledger=found.ledger,
            blobs=found.blobs,
        )

    def _contributor(self, name: str) -> Synthetic:
        pieces = plan_pieces(synthetic_spec(self.adapter_bytes))
        return Synthetic(self.config.run, name, self.config.plan(), pieces)


def _quiet(_line: str) -> None:
    """What peers say to a person is read off their adapters here."""


async def _serve(endpoint: MemoryEndpoint, board: Switchboard) -> None:
    async with asyncio.TaskGroup() as links:
        while True:
            link = await endpoint.accept()
            links.create_task(board.serve(link))
