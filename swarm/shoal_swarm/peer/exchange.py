"""Bulk links to other nodes: asking for contents by digest, answering who asks, each on the link that it dialled.

    we     Want(digests)        ──►  they
           ◄── Batch: small contents together
           ◄── each large content, announced and sent as the bulk desk does
           ◄── Lacking: what they do not have

A link is dialled when something is wanted over it. Whatever ends it, the contents that were still awaited are
reported as not fetched, and the protocol asks again, somebody else if it knows one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shoal_base.logs import get_log
from shoal_certs.identity import Identity, Role
from shoal_swarm.peer.batches import Content, batched, unbatched
from shoal_swarm.peer.spool import Spool
from shoal_swarm.protocol.messages import Announce, AnyMessage
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.protocol.round_messages import BATCH_CONTENTS_MAX, BATCHED_BYTES_MAX, Batch, Lacking, Want
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.desks import Desks
from shoal_swarm.transport.bulk.hooks import Delivery
from shoal_swarm.transport.bulk.source import BytesSource
from shoal_swarm.transport.bulk.threads import in_thread
from shoal_swarm.transport.contract import Address, Buffer, Endpoint, Link
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, TransferRefused

WANTS_PER_MESSAGE: Final = 1024
WANTED_OF_US_MAX: Final = 1 << 16
"""Contents that one node may have asked us for and not got yet."""
REPORT_AFTER_S: Final = 0.01
"""Small pieces come in swarms: what arrives within this time is reported together."""
STALL_S: Final = 5.0
"""A link over which nothing came for so long is not trusted to bring what was asked for."""
SENDS_AT_ONCE: Final = 4
"""While one content is confirmed, the next ones are on their way."""
_DIALS: Final = 2
"""When a node dials again its older link gives way; whoever had asked over that asks over the newer one."""


@dataclass(slots=True)
class _Neighbour:
    desk: BulkDesk
    awaited: set[Digest] = field(default_factory=set)
    """What we asked for and have not got."""
    moved_at: float = 0.0
    """When we last asked or got something, on the loop's clock."""
    owed: int = 0
    """How many contents we still have to send."""


@dataclass(slots=True)
class Exchange:
    """One node's bulk links, for one run."""

    endpoint: Endpoint
    run: RunId
    spool: Spool
    """Where what comes lies until somebody wants it kept."""
    address_of: Callable[[NodeName], Address | None]
    may_ask: Callable[[NodeName], bool]
    """Whether a node takes part in the run; others get nothing."""
    read: Callable[[Sequence[Digest]], Awaitable[Sequence[bytes | None]]]
    """The bytes of the first few of these that this node holds durably; None for what it does not hold."""
    arrived: Callable[[NodeName, tuple[Digest, ...]], None]
    failed: Callable[[NodeName, tuple[Digest, ...]], None]
    tasks: asyncio.TaskGroup
    _desks: Desks = field(init=False)
    _neighbours: dict[Link, _Neighbour] = field(default_factory=dict)
    _batches: dict[NodeName, list[Digest]] = field(default_factory=dict)
    content_bytes: int = 0
    """Of contents that were sent and received, without what was said about them."""
    served_at: float = 0.0
    """When somebody last asked us for something, on the loop's clock."""

    def __post_init__(self) -> None:
        """One desk for each link, whoever dialled it."""
        self._desks = Desks(
            self.endpoint,
            self.spool.arrivals,
            wants=self._wants,
            on_delivery=self._took,
            on_message=self._hear,
            on_end=self._ended,
        )

    def fetch(self, holder: NodeName, digests: Sequence[Digest]) -> None:
        """Get contents from a node; each is reported as arrived or failed, or the protocol loses patience."""
        lacking: list[Digest] = []
        coming = self._coming()
        for digest in digests:
            if self.spool.has(digest):
                self._note_arrival(holder, digest)
            elif digest not in coming:
                lacking.append(digest)
        if lacking:
            self.tasks.create_task(self._fetch(holder, tuple(lacking)), name=f"fetch from {holder}")

    def _coming(self) -> set[Digest]:
        """What is on its way over links that move: asking for it again would only bring it twice."""
        since = asyncio.get_running_loop().time() - STALL_S
        return {digest for one in self._neighbours.values() if one.moved_at > since for digest in one.awaited}

    async def accept_all(self) -> None:
        """Take in the links that others dial, and serve all links for as long as this runs."""
        async with self._desks:
            while True:
                link = await self.endpoint.accept()
                if link.kind is LinkKind.BULK:
                    self._desks.serve(link)
                else:
                    await link.close()

    async def _fetch(self, holder: NodeName, digests: tuple[Digest, ...]) -> None:
        for _ in range(_DIALS):
            try:
                neighbour = await self._reach(holder)
                neighbour.awaited.update(digests)
                neighbour.moved_at = asyncio.get_running_loop().time()
                for start in range(0, len(digests), WANTS_PER_MESSAGE):
                    await neighbour.desk.link.send(
                        Want(run=self.run, digests=digests[start : start + WANTS_PER_MESSAGE])
                    )
            except (LinkEnded, LinkRefused) as problem:
                if problem.reason is not Reason.DUPLICATE:
                    get_log().info("fetch_failed", holder=str(holder), reason=problem.reason.value)
                    break
            else:
                return
        self.failed(holder, digests)

    async def _reach(self, holder: NodeName) -> _Neighbour:
        identity = Identity(self.endpoint.identity.swarm, Role.NODE, str(holder))
        return self._neighbour((await self._desks.reach(self.address_of(holder), identity)).link)

    def _neighbour(self, link: Link) -> _Neighbour:
        neighbour = self._neighbours.get(link)
        if neighbour is None:
            neighbour = self._neighbours[link] = _Neighbour(self._desks.serve(link))
        return neighbour

    def _wants(self, link: Link, announce: Announce) -> Reason | None:
        return None if announce.content in self._neighbour(link).awaited else Reason.UNWANTED

    def _took(self, delivery: Delivery) -> None:
        neighbour, digest = self._neighbour(delivery.link), Digest(delivery.content)
        self.content_bytes += delivery.size
        neighbour.awaited.discard(digest)
        neighbour.moved_at = asyncio.get_running_loop().time()
        self._note_arrival(_name_of(delivery.link), digest)

    def _ended(self, link: Link, end: LinkEnded | LinkRefused) -> None:
        neighbour = self._neighbours.pop(link, None)
        if neighbour is None or not neighbour.awaited:
            return
        lost = tuple(neighbour.awaited)
        if end.reason is Reason.DUPLICATE:
            self.fetch(_name_of(link), lost)
        else:
            self.failed(_name_of(link), lost)

    async def _hear(self, link: Link, message: AnyMessage, payload: Buffer | None) -> bool:
        neighbour, node = self._neighbour(link), _name_of(link)
        match message:
            case Want(digests=digests):
                self._owe(neighbour, node, message.run, digests)
                return True
            case Lacking(digests=digests):
                lacking = tuple(digest for digest in digests if digest in neighbour.awaited)
                neighbour.awaited.difference_update(lacking)
                self.failed(node, lacking)
                return True
            case Batch():
                assert payload is not None, "customs let no batch pass without its payload"
                await self._take_batch(neighbour, node, message, payload)
                return True
            case _:
                return False

    async def _take_batch(self, neighbour: _Neighbour, node: NodeName, batch: Batch, payload: Buffer) -> None:
        contents = await in_thread(unbatched, batch, payload)
        self.content_bytes += len(payload)
        if contents is None:
            raise LinkRefused(Reason.WRONG_HASH, neighbour.desk.link.peer.identity.uri, "the contents of a batch")
        due = [(digest, content) for digest, content in contents if digest in neighbour.awaited]
        neighbour.moved_at = asyncio.get_running_loop().time()
        neighbour.awaited.difference_update(digest for digest, _ in due)
        digests = tuple(digest for digest, _ in due)
        try:
            await in_thread(self._put_all, due)
        except TransferRefused as refusal:
            get_log().info("transfer_declined", reason=refusal.reason.value, detail=refusal.detail)
            self.failed(node, digests)
        else:
            self.arrived(node, digests)

    def _put_all(self, contents: Sequence[tuple[Digest, memoryview]]) -> None:
        for digest, content in contents:
            self.spool.lay(digest, content)

    def _owe(self, neighbour: _Neighbour, node: NodeName, run: RunId, digests: tuple[Digest, ...]) -> None:
        self.served_at = asyncio.get_running_loop().time()
        may = run == self.run and self.may_ask(node) and neighbour.owed + len(digests) <= WANTED_OF_US_MAX
        neighbour.owed += len(digests)
        work = self._send_all(neighbour, digests) if may else self._lack(neighbour, digests, len(digests))
        self.tasks.create_task(work, name=f"send to {node}")

    async def _send_all(self, neighbour: _Neighbour, digests: tuple[Digest, ...]) -> None:
        lacking: list[Digest] = []
        places = asyncio.Semaphore(SENDS_AT_ONCE)
        async with asyncio.TaskGroup() as lanes:
            while digests:
                found = await self.read(digests[:BATCH_CONTENTS_MAX])
                contents = [
                    (digest, content) for digest, content in zip(digests, found, strict=False) if content is not None
                ]
                lacking += [digest for digest, content in zip(digests, found, strict=False) if content is None]
                small = [one for one in contents if len(one[1]) <= BATCHED_BYTES_MAX]
                if not await self._send_batched(neighbour, small):
                    return  # the asker notices as well
                for _, content in (one for one in contents if len(one[1]) > BATCHED_BYTES_MAX):
                    await places.acquire()
                    lanes.create_task(self._send_one(neighbour, content, places), name="send lane")
                digests = digests[len(found) :]
        if lacking:
            await self._lack(neighbour, tuple(lacking), len(lacking))

    async def _send_batched(self, neighbour: _Neighbour, contents: Sequence[Content]) -> bool:
        try:
            for batch, payload in batched(self.run, contents):
                await neighbour.desk.link.send(batch, payload)
                self.content_bytes += len(payload)
                neighbour.owed -= len(batch.digests)
        except (LinkEnded, LinkRefused):
            return False
        return True

    async def _send_one(self, neighbour: _Neighbour, content: bytes, places: asyncio.Semaphore) -> None:
        try:
            await neighbour.desk.send(BytesSource(content))
            self.content_bytes += len(content)
        except (LinkEnded, LinkRefused):
            return  # the asker notices as well
        except TransferRefused as refusal:  # the asker has it by now, or asks again
            get_log().info("transfer_refused", reason=refusal.reason.value, detail=refusal.detail)
        finally:
            places.release()
        neighbour.owed -= 1

    async def _lack(self, neighbour: _Neighbour, digests: tuple[Digest, ...], owed: int) -> None:
        neighbour.owed -= owed
        try:
            await neighbour.desk.link.send(Lacking(run=self.run, digests=digests))
        except (LinkEnded, LinkRefused):
            return  # the asker notices as well

    def _note_arrival(self, node: NodeName, digest: Digest) -> None:
        batch = self._batches.setdefault(node, [])
        if not batch:
            asyncio.get_running_loop().call_later(REPORT_AFTER_S, self._report, node)
        batch.append(digest)

    def _report(self, node: NodeName) -> None:
        self.arrived(node, tuple(self._batches.pop(node)))


def _name_of(link: Link) -> NodeName:
    return NodeName(link.peer.identity.name)
