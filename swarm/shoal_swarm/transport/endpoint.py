"""One party's end of the real wire: TLS 1.3 on TCP, ZMTP by libzmq inside."""

import asyncio
import resource
import socket
import ssl
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import zmq

from shoal_base.errors import PlaceRefused, ShoalError
from shoal_base.logs import get_log
from shoal_certs.identity import Identity
from shoal_certs.validator import Certified
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.chores import Chores
from shoal_swarm.transport.contract import Address, Party
from shoal_swarm.transport.dialler import Connector, connect_tcp, keep_alive
from shoal_swarm.transport.handshake import shake_as_dialler
from shoal_swarm.transport.heap import keep_freed_memory
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.link import GreetedLink
from shoal_swarm.transport.listener import Door
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason
from shoal_swarm.transport.reception import Reception
from shoal_swarm.transport.registry import Registry
from shoal_swarm.transport.tls_pipe import TlsPipe

_DESCRIPTORS_FOR_THE_REST = 128


class TlsEndpoint:
    """Links over the network; use it as `async with TlsEndpoint(keyring) as endpoint`."""

    def __init__(self, keyring: Keyring, limits: Limits = DEFAULT_LIMITS, connector: Connector = connect_tcp) -> None:
        self._keyring = keyring
        self._limits = limits
        self._connector = connector
        registry = Registry(keyring.identity, limits, links_that_fit(limits))
        self._reception = Reception(keyring.identity, limits, registry)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, 4 * limits.links_max)
        self._folder = tempfile.TemporaryDirectory(prefix="shoal-")  # mkdtemp: nobody else may enter
        self._chores = Chores()
        # Of their own, because dials wait for strangers, and disks and credentials must not wait with them.
        self._diallers = ThreadPoolExecutor(limits.dials_max, thread_name_prefix="shoal-dial")
        self._door: Door | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        keep_freed_memory(self._limits)
        self._chores.begin(self._sweep(), "sweep")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def identity(self) -> Identity:
        """Who this party is."""
        return self._keyring.identity

    @property
    def refused(self) -> Counter[Reason]:
        """How often the door was closed on somebody, by reason."""
        return Counter() if self._door is None else self._door.refused

    async def listen(self, address: Address) -> Address:
        """Let others in here; port 0 takes a free one, which is returned."""
        assert self._door is None, "an endpoint listens once"
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            listening = socket.create_server(address, family=family, backlog=self._limits.backlog)
        except OSError as problem:
            raise PlaceRefused(
                f"{address[0]}:{address[1]} cannot be listened on: {problem.strerror or problem}. Is something else "
                "using the port? Choose another one."
            ) from problem
        self._door = Door(listening, self._keyring, self._limits, self._let_in)
        self._door.start()
        host, port, *_ = listening.getsockname()
        return host, port

    async def dial(self, address: Address, kind: LinkKind, expected: Identity) -> GreetedLink:
        """A link to `expected`, greeted. When both dialled each other, it may be the one that they dialled."""
        opening = self._diallers.submit(self._open, address, kind, expected)
        try:
            tls, certified = await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise
        party = Party(certified.identity, certified)
        try:
            return await self._reception.dialled(lambda: self._pipe(tls, kind, party), kind, party)
        except LinkEnded as end:
            if end.reason in {Reason.BROKEN, Reason.TRUNCATED}:  # before WELCOME this is how a refusal looks
                raise LinkRefused(Reason.REFUSED_BY_PEER, expected.uri, end.detail) from end
            raise

    async def accept(self) -> GreetedLink:
        """The next link that somebody else dialled, greeted."""
        while True:
            link = await self._reception.arrivals.get()
            if link.ended is None:
                return link

    def links(self) -> Sequence[GreetedLink]:
        """Every live link, whoever dialled it."""
        return self._reception.registry.links()

    @property
    def bytes_carried(self) -> int:
        """By all links so far, both ways."""
        return self._reception.registry.bytes_carried

    async def close(self) -> None:
        """Close every link with BYE, and let nobody in any more."""
        if self._door is not None:
            await asyncio.to_thread(self._door.close)
        await self._chores.close()
        await asyncio.gather(*(link.close() for link in self.links()))
        await asyncio.to_thread(self._context.destroy, 0)
        self._diallers.shutdown(wait=False, cancel_futures=True)
        self._folder.cleanup()

    def _open(self, address: Address, kind: LinkKind, expected: Identity) -> tuple[ssl.SSLSocket, Certified]:
        raw = self._connector(address, self._limits)
        return shake_as_dialler(raw, self._keyring, kind, expected, self._limits.handshake_s)

    def _pipe(self, tls: ssl.SSLSocket, kind: LinkKind, party: Party) -> TlsPipe:
        try:
            keep_alive(tls, self._limits)
            return TlsPipe(tls, self._context, Path(self._folder.name), kind, party.identity.uri, self._limits)
        except BaseException:
            tls.close()
            raise

    def _let_in(self, tls: ssl.SSLSocket, kind: LinkKind, certified: Certified) -> None:
        """Called by the door's thread."""
        assert self._loop is not None, "the door opens after the loop runs"
        self._loop.call_soon_threadsafe(self._begin_link, tls, kind, Party(certified.identity, certified))

    def _begin_link(self, tls: ssl.SSLSocket, kind: LinkKind, party: Party) -> None:
        greeting = self._reception.arrived(lambda: self._pipe(tls, kind, party), kind, party, tls.close)
        self._chores.begin(greeting, f"greet {party.identity}")

    async def _sweep(self) -> None:
        """At every heartbeat: take over new credentials, and close links that should not be any longer."""
        while True:
            await asyncio.sleep(self._limits.heartbeat_s)
            try:
                await asyncio.to_thread(self._keyring.refresh)
            except ShoalError as refusal:
                get_log().error("credentials_refused", problem=str(refusal))
            for link, reason in await asyncio.to_thread(self._overdue, self.links()):
                self._chores.begin(link.close(reason), f"close {link.peer.identity}")

    def _overdue(self, links: Sequence[GreetedLink]) -> list[tuple[GreetedLink, Reason]]:
        """Which links must end, and why; signatures are verified here, so it is not for the loop."""
        now = time.monotonic()
        found: list[tuple[GreetedLink, Reason]] = []
        for link in links:
            certified = link.peer.certified
            reason = None if certified is None else self._keyring.verdict(certified)
            if reason is None and self._reception.registry.overdue(link, now=now):
                reason = Reason.TOO_OLD
            if reason is not None:
                found.append((link, reason))
        return found


def _close_unwanted(opened: Future[tuple[ssl.SSLSocket, Certified]]) -> None:
    """A thread cannot be cancelled: what it opened for somebody who is gone is closed when it is done."""
    if not opened.cancelled() and opened.exception() is None:
        opened.result()[0].close()


def links_that_fit(limits: Limits) -> int:
    """How many links the process has descriptors for, after asking for as many as it may have."""
    wanted = limits.links_max * limits.descriptors_per_link + limits.unproved_max + _DESCRIPTORS_FOR_THE_REST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and soft != resource.RLIM_INFINITY:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft in {resource.RLIM_INFINITY, wanted} or soft > wanted:
        return limits.links_max
    fit = (soft - limits.unproved_max - _DESCRIPTORS_FOR_THE_REST) // limits.descriptors_per_link
    if fit < 1:
        raise PlaceRefused(f"This process may open {soft} files, too few for one link. Raise it with `ulimit -n`.")
    get_log().warning("links_limited", links_max=fit, descriptors_max=soft)
    return fit
