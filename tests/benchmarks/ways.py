"""The ways of the wire benchmark: each sends megabytes and asks for echoes, as one process to another.

A way is served by one process and called by others. A caller takes orders over a pipe: ("send", MiB) sends
and waits until the server has it all, ("ask", times) measures round trips of 1 KiB. Baselines are written as
tightly as their libraries allow: blocking sockets, no threads of ours, and no asyncio but where the name says so.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import structlog
import zmq

from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Identity, Role
from shoal_swarm.protocol.messages import CHUNK_BYTES, Chunk, Done, Ping, Pong
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.source import BytesSource, FileSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.reasons import LinkEnded

MIB = 1 << 20
ASKED_BYTES = 1024
Orders = Callable[[int], float]
_NOW, _IN = int(zmq.NOBLOCK), int(zmq.POLLIN)
UNHURRIED = replace(DEFAULT_LIMITS, messages_per_s=1e6, messages_burst=1e6)
"""Asking as fast as the wire answers is a flood, and would end the link; every other limit stands."""


def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def serve_orders(pipe: Connection, send: Orders, ask: Orders) -> None:
    """Do what the benchmark says until it hangs up; answers are seconds."""
    with contextlib.suppress(EOFError):
        while True:
            order, number = pipe.recv()
            pipe.send(send(number) if order == "send" else ask(number))


def ask_only(_mib: int) -> float:
    """Where throughput is not the question: megabytes do not notice whether a loop or a call waits for them."""
    raise ValueError("this way is asked and sends nothing")


def asked(number: int, ask: Callable[[], None]) -> float:
    """The median of so many round trips."""
    took = []
    for _ in range(number):
        begin = time.perf_counter()
        ask()
        took.append(time.perf_counter() - begin)
    return sorted(took)[number // 2]


# Plain ZeroMQ and ZeroMQ with CURVE: DEALER to DEALER over TCP, 1 MiB messages, as few in flight as a link has.


def _dealer(keys: tuple[bytes, bytes] | None) -> zmq.Socket[bytes]:
    dealer = zmq.Context.instance().socket(zmq.DEALER)
    dealer.setsockopt(zmq.SNDHWM, 8)
    dealer.setsockopt(zmq.RCVHWM, 8)
    if keys is not None:
        dealer.curve_publickey, dealer.curve_secretkey = keys
    return dealer


def zmq_server(pipe: Connection, keys: tuple[bytes, bytes] | None) -> None:
    dealer = _dealer(keys)
    if keys is not None:
        dealer.curve_server = True
    pipe.send(("127.0.0.1", dealer.bind_to_random_port("tcp://127.0.0.1")))
    while True:
        frame = dealer.recv(copy=False)
        last_or_echo = len(frame.buffer)
        if last_or_echo < CHUNK_BYTES:
            dealer.send(frame.bytes)


def zmq_client(pipe: Connection, address: tuple[str, int], keys: tuple[bytes, bytes] | None) -> None:
    dealer = _dealer(keys)
    if keys is not None:
        dealer.curve_serverkey = keys[0]
    dealer.connect(f"tcp://127.0.0.1:{address[1]}")
    data, question = os.urandom(CHUNK_BYTES), os.urandom(ASKED_BYTES)

    def send(mib: int) -> float:
        begin = time.perf_counter()
        for _ in range(mib):
            dealer.send(data, copy=False)
        dealer.send(b"last")
        dealer.recv()
        return time.perf_counter() - begin

    def ask() -> None:
        dealer.send(question)
        dealer.recv()

    serve_orders(pipe, send, lambda number: asked(number, ask))


# Plain ZeroMQ as an asyncio application has it, which is the face that a link has too: the loop watches libzmq's
# descriptor and asks what changed. Tighter than pyzmq's own asyncio sockets, which take longer.


class _Face:
    """What an asyncio application needs of a DEALER, and nothing more."""

    def __init__(self, dealer: zmq.Socket[bytes]) -> None:
        self._dealer = dealer
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(int(dealer.FD), self._look)

    def send(self, data: bytes) -> None:
        """An echo waits for every answer, so the queue is never full."""
        self._dealer.send(data, _NOW)

    async def receive(self) -> bytes:
        """The next message; its own call swallows signals, so it asks before it waits."""
        self._look()
        await self._news.wait()
        self._news.clear()
        return self._dealer.recv(_NOW)

    def _look(self) -> None:
        if int(self._dealer.get(zmq.EVENTS)) & _IN:
            self._news.set()


def zmq_asyncio_server(pipe: Connection) -> None:
    asyncio.run(_echo(pipe))


async def _echo(pipe: Connection) -> None:
    dealer = _dealer(None)
    pipe.send(("127.0.0.1", dealer.bind_to_random_port("tcp://127.0.0.1")))
    face = _Face(dealer)
    while True:
        face.send(await face.receive())


def zmq_asyncio_client(pipe: Connection, address: tuple[str, int]) -> None:
    question = os.urandom(ASKED_BYTES)
    dealer = _dealer(None)
    dealer.connect(f"tcp://127.0.0.1:{address[1]}")

    async def ask(number: int) -> float:
        face = _Face(dealer)
        took = []
        for _ in range(number):
            begin = time.perf_counter()
            face.send(question)
            await face.receive()
            took.append(time.perf_counter() - begin)
        return sorted(took)[number // 2]

    with asyncio.Runner() as runner:
        serve_orders(pipe, ask_only, lambda number: runner.run(ask(number)))


# A raw TLS 1.3 socket with the same certificates: what any wire over TLS could reach at best.


def tls_server(pipe: Connection, files: CredentialFiles) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    pipe.send(listening.getsockname())
    raw, _ = listening.accept()
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls = Keyring(files).server.wrap_socket(raw, server_side=True)
    buffer = memoryview(bytearray(MIB))
    while head := tls.recv(8):
        left = int.from_bytes(head, "big")
        echo = left == ASKED_BYTES
        while left:
            left -= tls.recv_into(buffer[: min(left, MIB)])
        tls.sendall(bytes(buffer[:ASKED_BYTES]) if echo else b"!")


def tls_client(pipe: Connection, address: tuple[str, int], files: CredentialFiles) -> None:
    raw = socket.create_connection(address)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls = Keyring(files).client(LinkKind.BULK).wrap_socket(raw)
    data, question = os.urandom(MIB), os.urandom(ASKED_BYTES)
    buffer = memoryview(bytearray(ASKED_BYTES))

    def send(mib: int) -> float:
        begin = time.perf_counter()
        tls.sendall((mib * MIB).to_bytes(8, "big"))
        for _ in range(mib):
            tls.sendall(data)
        tls.recv(1)
        return time.perf_counter() - begin

    def ask() -> None:
        tls.sendall(ASKED_BYTES.to_bytes(8, "big") + question)
        left = ASKED_BYTES
        while left:
            left -= tls.recv_into(buffer[:left])

    serve_orders(pipe, send, lambda number: asked(number, ask))


# Ours: a bare link (every message through customs) and verified bulk transfer onto disk.


def our_server(pipe: Connection, files: CredentialFiles, folder: Path, *, bulk: bool) -> None:
    quiet()
    asyncio.run(_serve(pipe, files, folder, bulk=bulk))


async def _serve(pipe: Connection, files: CredentialFiles, folder: Path, *, bulk: bool) -> None:
    async with TlsEndpoint(Keyring(files), UNHURRIED) as endpoint, asyncio.TaskGroup() as links:
        pipe.send(await endpoint.listen(("127.0.0.1", 0)))
        store = Store(folder, reserve_bytes=0)
        loop = asyncio.get_running_loop()
        while True:
            link = await endpoint.accept()
            if bulk:
                # What has arrived is measured and not needed; the disk would fill up. Unlinking is no part of the
                # wire, so DONE goes out before it.
                desk = BulkDesk(link, store, on_delivery=lambda delivery: loop.call_soon(delivery.path.unlink))
                links.create_task(desk.run())
            else:
                links.create_task(_answer(link))


async def _answer(link: object) -> None:
    with contextlib.suppress(LinkEnded):
        while True:
            parcel = await link.receive()  # type: ignore[attr-defined]
            match parcel.message:
                case Chunk(index=0, transfer=number):
                    await link.send(Done(transfer=number))  # type: ignore[attr-defined]
                case Ping(number=number):
                    await link.send(Pong(number=number), parcel.payload)  # type: ignore[attr-defined]


def our_client(
    pipe: Connection, address: tuple[str, int], files: CredentialFiles, server: str, payload: Path | None
) -> None:
    quiet()
    with asyncio.Runner() as runner:
        endpoint = runner.run(TlsEndpoint(Keyring(files), UNHURRIED).__aenter__())
        identity = Identity(endpoint.identity.swarm, Role.NODE, server)
        link = runner.run(endpoint.dial(address, LinkKind.BULK, identity))
        data, question = os.urandom(CHUNK_BYTES), os.urandom(ASKED_BYTES)

        async def send_link(mib: int) -> float:
            begin = time.perf_counter()
            for index in reversed(range(mib)):
                await link.send(Chunk(transfer=0, index=index), data)
            await link.receive()
            return time.perf_counter() - begin

        async def ask_link(number: int) -> float:
            took = []
            for _ in range(number):
                begin = time.perf_counter()
                await link.send(Ping(number=0), question)
                await link.receive()
                took.append(time.perf_counter() - begin)
            return sorted(took)[number // 2]

        desk = BulkDesk(link, Store(files.cert.parent / "unused", reserve_bytes=0))
        serving = runner.get_loop().create_task(desk.run()) if payload is not None else None

        async def send_bulk(mib: int) -> float:
            source = _source_of(payload, mib)
            begin = time.perf_counter()
            await desk.send(source)
            return time.perf_counter() - begin

        one_way = send_link if serving is None else send_bulk
        serve_orders(pipe, lambda mib: runner.run(one_way(mib)), lambda number: runner.run(ask_link(number)))


def _source_of(payload: Path | None, mib: int) -> FileSource | BytesSource:
    """A content that nobody has yet; hashing it once is the owner's cost and not the wire's."""
    assert payload is not None, "only bulk transfers have files"
    if mib == 1:
        return BytesSource(os.urandom(MIB))
    with payload.open("r+b") as file:
        file.truncate(mib * MIB)
        for at in range(mib):
            file.seek(at * MIB)
            file.write(os.urandom(32))
    return FileSource(payload)
