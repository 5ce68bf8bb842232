"""Bulk links to other nodes: asking for contents by digest, answering who asks, one link a pair of nodes.

    we     Want(digests)        ──►  they
           ◄── Bundle: small contents together
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
from shoal_swarm.peer.bundles import Content, bundled, unbundled
from shoal_swarm.protocol.messages import Announce, AnyMessage
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.protocol.round_messages import BUNDLE_CONTENTS_MAX, BUNDLED_BYTES_MAX, Bundle, Lacking, Want
from shoal_swarm.transport.bulk.desk import BulkDesk, Delivery
from shoal_swarm.transport.bulk.source import BytesSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.bulk.threads import in_thread
from shoal_swarm.transport.contract import Address, Buffer, Endpoint, Link, Party
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, TransferRefused

WANTS_PER_MESSAGE: Final = 1024
WANTED_OF_US_MAX: Final = 1 << 16
"""Contents that one node may have asked us for and not got yet."""
BATCH_S: Final = 0.01
"""Small pieces come in swarms: what arrives within this time is reported together."""
STALL_S: Final = 5.0
"""A link over which nothing came for so long is not trusted to bring what was asked for."""
SENDS_AT_ONCE: Final = 4
"""While one content is confirmed, the next ones are on their way."""
_DIALS: Final = 2
"""When both dial at once one of the two links gives way; whoever had asked over it asks over the other."""


@dataclass(slots=True)
class _Neighbour:
    link: Link
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
    store: Store
    address_of: Callable[[NodeName], Address | None]
    may_ask: Callable[[NodeName], bool]
    """Whether a node takes part in the run; others get nothing."""
    read: Callable[[Sequence[Digest]], Awaitable[Sequence[bytes | None]]]
    """The bytes of the first few of these that this node holds durably; None for what it does not hold."""
    arrived: Callable[[NodeName, tuple[Digest, ...]], None]
    failed: Callable[[NodeName, tuple[Digest, ...]], None]
    tasks: asyncio.TaskGroup
    _neighbours: dict[Link, _Neighbour] = field(default_factory=dict)
    _batches: dict[NodeName, list[Digest]] = field(default_factory=dict)
    served_at: float = 0.0
    """When somebody last asked us for something, on the loop's clock."""

    def fetch(self, holder: NodeName, digests: Sequence[Digest]) -> None:
        """Get contents from a node; each is reported as arrived or failed, or the protocol loses patience."""
        lacking: list[Digest] = []
        coming = self._coming()
        for digest in digests:
            if self.store.has(digest):
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
        """Take in the links that others dial."""
        while True:
            link = await self.endpoint.accept()
            if link.kind is LinkKind.BULK:
                self._adopt(link)
            else:
                await link.close()

    async def _fetch(self, holder: NodeName, digests: tuple[Digest, ...]) -> None:
        for _ in range(_DIALS):
            try:
                neighbour = await self._reach(holder)
                neighbour.awaited.update(digests)
                neighbour.moved_at = asyncio.get_running_loop().time()
                for start in range(0, len(digests), WANTS_PER_MESSAGE):
                    await neighbour.link.send(Want(run=self.run, digests=digests[start : start + WANTS_PER_MESSAGE]))
            except (LinkEnded, LinkRefused) as problem:
                if problem.reason is not Reason.DUPLICATE:
                    get_log().info("fetch_failed", holder=str(holder), reason=problem.reason.value)
                    break
            else:
                return
        self.failed(holder, digests)

    async def _reach(self, holder: NodeName) -> _Neighbour:
        for link, neighbour in self._neighbours.items():
            if link.peer.identity.name == holder and link in self.endpoint.links():
                return neighbour
        address = self.address_of(holder)
        if address is None:
            raise LinkEnded(Reason.UNREACHABLE, str(holder), "its address is not known")
        identity = Identity(self.endpoint.identity.swarm, Role.NODE, str(holder))
        return self._adopt(await self.endpoint.dial(address, LinkKind.BULK, identity))

    def _adopt(self, link: Link) -> _Neighbour:
        """A link is served once, whether it was dialled, accepted, or both."""
        if link in self._neighbours:
            return self._neighbours[link]
        node = NodeName(link.peer.identity.name)

        def wants(_sender: Party, announce: Announce) -> Reason | None:
            return None if announce.content in neighbour.awaited else Reason.UNWANTED

        def took(delivery: Delivery) -> None:
            neighbour.awaited.discard(Digest(delivery.content))
            neighbour.moved_at = asyncio.get_running_loop().time()
            self._note_arrival(node, Digest(delivery.content))

        async def hear(message: AnyMessage, payload: Buffer | None) -> bool:
            return await self._hear(neighbour, node, message, payload)

        desk = BulkDesk(link, self.store, wants=wants, on_delivery=took, on_message=hear)
        neighbour = self._neighbours[link] = _Neighbour(link, desk)
        self.tasks.create_task(self._serve(neighbour, node), name=f"bulk with {node}")
        return neighbour

    async def _serve(self, neighbour: _Neighbour, node: NodeName) -> None:
        try:
            end = await neighbour.desk.run()
        finally:
            del self._neighbours[neighbour.link]
        lost = tuple(neighbour.awaited)
        if not lost:
            return
        if end.reason is Reason.DUPLICATE:
            self.fetch(node, lost)
        else:
            self.failed(node, lost)

    async def _hear(self, neighbour: _Neighbour, node: NodeName, message: AnyMessage, payload: Buffer | None) -> bool:
        match message:
            case Want(digests=digests):
                self._owe(neighbour, node, message.run, digests)
                return True
            case Lacking(digests=digests):
                lacking = tuple(digest for digest in digests if digest in neighbour.awaited)
                neighbour.awaited.difference_update(lacking)
                self.failed(node, lacking)
                return True
            case Bundle():
                assert payload is not None, "customs let no bundle pass without its payload"
                await self._take_bundle(neighbour, node, message, payload)
                return True
            case _:
                return False

    async def _take_bundle(self, neighbour: _Neighbour, node: NodeName, bundle: Bundle, payload: Buffer) -> None:
        contents = await in_thread(unbundled, bundle, payload)
        if contents is None:
            raise LinkRefused(Reason.WRONG_HASH, neighbour.link.peer.identity.uri, "the contents of a bundle")
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
            self.store.put(digest, content)

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
                found = await self.read(digests[:BUNDLE_CONTENTS_MAX])
                contents = [
                    (digest, content) for digest, content in zip(digests, found, strict=False) if content is not None
                ]
                lacking += [digest for digest, content in zip(digests, found, strict=False) if content is None]
                small = [one for one in contents if len(one[1]) <= BUNDLED_BYTES_MAX]
                if not await self._send_bundled(neighbour, small):
                    return  # the asker notices as well
                for _, content in (one for one in contents if len(one[1]) > BUNDLED_BYTES_MAX):
                    await places.acquire()
                    lanes.create_task(self._send_one(neighbour, content, places), name="send lane")
                digests = digests[len(found) :]
        if lacking:
            await self._lack(neighbour, tuple(lacking), len(lacking))

    async def _send_bundled(self, neighbour: _Neighbour, contents: Sequence[Content]) -> bool:
        try:
            for bundle, payload in bundled(self.run, contents):
                await neighbour.link.send(bundle, payload)
                neighbour.owed -= len(bundle.digests)
        except (LinkEnded, LinkRefused):
            return False
        return True

    async def _send_one(self, neighbour: _Neighbour, content: bytes, places: asyncio.Semaphore) -> None:
        try:
            await neighbour.desk.send(BytesSource(content))
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
            await neighbour.link.send(Lacking(run=self.run, digests=digests))
        except (LinkEnded, LinkRefused):
            return  # the asker notices as well

    def _note_arrival(self, node: NodeName, digest: Digest) -> None:
        batch = self._batches.setdefault(node, [])
        if not batch:
            asyncio.get_running_loop().call_later(BATCH_S, self._report, node)
        batch.append(digest)

    def _report(self, node: NodeName) -> None:
        self.arrived(node, tuple(self._batches.pop(node)))
