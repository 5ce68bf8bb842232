"""Guards a party against a hostile network: crowds at the door, and peers with a certificate and no manners."""

import asyncio
import contextlib
import os
import resource
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
import zmq
from structlog.testing import capture_logs

from shoal_swarm.protocol.messages import CHUNK_BYTES, Announce, Chunk, Grant, Hashes, Hello, Level, encode
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.source import BytesSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.handshake import shake_as_dialler
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import DEFAULT_LIMITS, MIB
from shoal_swarm.transport.link import GreetedLink
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, TransferRefused
from tests.parties import Town
from tests.wire.conftest import ANYWHERE, PartyMaker, until

CROWD = 2000
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_party_joins_while_two_thousand_strangers_crowd_the_door(party: PartyMaker) -> None:
    ana, ben = await party("ana"), await party("ben")
    address = await ben.listen(ANYWHERE)
    crowd: list[socket.socket] = []
    stop = asyncio.Event()
    await (await ana.dial(address, LinkKind.CONTROL, ben.identity)).close()  # everything is warm
    before = _resident_bytes()

    def come(number: int) -> None:
        stranger = socket.socket()
        stranger.setblocking(False)
        stranger.bind((f"127.0.0.{2 + number % 8}", 0))
        with contextlib.suppress(BlockingIOError):
            stranger.connect(address)
        crowd.append(stranger)

    async def trickle() -> None:
        """Slow loris: the first bytes of a TLS record, one at a time, from whoever is still connected."""
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        for at in range(1000):
            for stranger in crowd[:: 1 + len(crowd) // 200]:
                with contextlib.suppress(OSError):
                    stranger.send(hello[at % len(hello) :][:1])
            await asyncio.sleep(0.02)
            if stop.is_set():
                return

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(trickle())
            for number in range(CROWD):
                come(number)
                if number % 50 == 0:
                    await asyncio.sleep(0)
            begin = time.monotonic()
            link = await ana.dial(address, LinkKind.CONTROL, ben.identity)
            took_s = time.monotonic() - begin
            stop.set()
        assert took_s < 2
        assert link.ended is None
        await until(lambda: ben.refused.total() > CROWD // 2)  # most still stood in the kernel's queue
        assert _resident_bytes() - before < 48 * MIB
        assert set(ben.refused) <= {
            Reason.ADDRESS_FLOODS, Reason.ADDRESS_BUSY, Reason.DOOR_BUSY, Reason.HANDSHAKE_LATE,
            Reason.HANDSHAKE_ABANDONED, Reason.NOT_TLS, Reason.TLS_FAILED,
        }  # fmt: skip
    finally:
        for stranger in crowd:
            stranger.close()


async def _rude(town: Town, address: tuple[str, int], ben: TlsEndpoint, said: bytes, kind: LinkKind) -> None:
    """A peer with a good certificate that speaks whatever it wants inside TLS."""

    def speak() -> None:
        raw = socket.create_connection(address)
        tls, _ = shake_as_dialler(raw, Keyring(town.files("eve")), kind, ben.identity, 5)
        with tls, contextlib.suppress(OSError):
            tls.settimeout(8)
            opening = GREETING + READY
            if said.startswith(opening):  # libzmq refuses whoever talks before it has shaken hands
                tls.sendall(opening)
                heard = b""
                while b"READY" not in heard:
                    heard += tls.recv(65536)
            tls.sendall(said.removeprefix(opening))
            while tls.recv(65536):
                pass

    await asyncio.to_thread(speak)


def _frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + len(body).to_bytes(8, "big") + body


HELLO = _frame(encode(Hello(sender="spiffe://reef/node/eve", versions=(1,))))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", Reason.NOT_ZMTP, id="http-inside"),
        pytest.param(GREETING.replace(b"NULL\0", b"CURVE"), Reason.NOT_ZMTP, id="other-mechanism"),
        pytest.param(GREETING + READY + b"\x02" + (1 << 30).to_bytes(8, "big"), Reason.TOO_LONG, id="1-gib-frame"),
        pytest.param(GREETING + READY + b"\x02" + b"\xff" * 8, Reason.TOO_LONG, id="16-eib-frame"),
        pytest.param(GREETING + b"\x06" + (1 << 20).to_bytes(8, "big"), Reason.TOO_LONG, id="long-command"),
        pytest.param(GREETING + READY + b"\x01\x01x" * 9, Reason.TOO_MANY_PARTS, id="many-parts"),
        pytest.param(GREETING + READY + b"\x08\x00", Reason.NOT_ZMTP, id="unknown-flags"),
        pytest.param(GREETING + READY + _frame(bytes(5000)), Reason.GREETING_TOO_LONG, id="long-hello"),
        pytest.param(GREETING + READY + _frame(b"\x91" * 3000), Reason.MALFORMED, id="nested"),
        pytest.param(GREETING + READY + HELLO + _frame(b"\xc1"), Reason.MALFORMED, id="malformed"),
        pytest.param(
            GREETING + READY + _frame(encode(Hello(sender="spiffe://reef/node/ana", versions=(1,)))),
            Reason.OTHER_SENDER,
            id="somebody-else",
        ),
    ],
)
async def test_a_peer_with_a_certificate_and_no_manners_is_cut_off(
    party: PartyMaker, town: Town, said: bytes, reason: Reason
) -> None:
    ben = await party("ben")
    address = await ben.listen(ANYWHERE)

    async def serve() -> None:
        with contextlib.suppress(LinkRefused, LinkEnded):
            await (await ben.accept()).receive()

    before = _resident_bytes()
    serving = asyncio.get_running_loop().create_task(serve())
    with capture_logs() as logs:
        async with asyncio.timeout(12):
            await _rude(town, address, ben, said, LinkKind.BULK)
            await until(lambda: reason in [entry.get("reason") for entry in logs], 12)
    serving.cancel()
    assert _resident_bytes() - before < 64 * MIB
    assert not ben.links()


class Liar(BytesSource):
    """A content whose sender does not keep to what it announced."""

    def __init__(self, data: bytes, chunk: bytes | None = None) -> None:
        self._chunk: bytes | None = None
        super().__init__(data)
        self._chunk = chunk

    def read(self, index: int) -> memoryview:
        return super().read(index) if self._chunk is None or index < 2 else memoryview(self._chunk)


async def _linked(party: PartyMaker, **limits: float) -> tuple[GreetedLink, GreetedLink]:
    ana, ben = await party("ana"), await party("ben", limits=replace(DEFAULT_LIMITS, **limits))
    to_ben = await ana.dial(await ben.listen(ANYWHERE), LinkKind.BULK, ben.identity)
    return to_ben, await ben.accept()


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [(bytes(CHUNK_BYTES), Reason.WRONG_HASH), (b"short", Reason.OUT_OF_TURN)],
    ids=["wrong-bytes", "short-chunk"],
)
async def test_a_sender_whose_chunks_are_not_what_it_announced_is_cut_off(
    party: PartyMaker, tmp_path: Path, chunk: bytes, reason: Reason
) -> None:
    to_ben, to_ana = await _linked(party)
    receiving, sending = BulkDesk(to_ana, Store(tmp_path, 0)), BulkDesk(to_ben)
    async with asyncio.TaskGroup() as tasks:
        served = tasks.create_task(receiving.run())
        tasks.create_task(sending.run())
        with pytest.raises(LinkRefused) as refusal:
            await sending.send(Liar(os.urandom(5 * MIB), chunk))
    assert (served.result().reason, refusal.value.reason) == (reason, reason)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"stall_s": 0.6}, Reason.STALLED),
        ({"stall_s": 5.0, "pace_window_s": 0.6, "pace_bytes_per_s": 100.0 * MIB}, Reason.TOO_SLOW),
    ],
)
async def test_a_sender_that_stops_or_crawls_is_given_up_and_what_came_is_kept(
    party: PartyMaker, tmp_path: Path, limits: dict[str, float], reason: Reason
) -> None:
    to_ben, to_ana = await _linked(party)
    source = BytesSource(os.urandom(8 * MIB))
    what = source.description
    desk = BulkDesk(to_ana, Store(tmp_path, 0), limits=replace(DEFAULT_LIMITS, **limits))
    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.run())
        await to_ben.send(Announce(transfer=0, content=what.content, size=what.size, root=what.root))
        assert isinstance((await to_ben.receive()).message, Grant)
        await to_ben.send(Hashes(transfer=0, level=Level.TOP, group=0, hashes=what.top))
        await to_ben.send(Hashes(transfer=0, level=Level.CHUNKS, group=0, hashes=what.group(0)))
        await to_ben.send(Chunk(transfer=0, index=0), source.read(0))
        assert (await to_ben.receive()).message.reason == reason
        await to_ben.close()
    assert [path.stat().st_size for path in tmp_path.glob("*.hashes")] == [32]  # noqa: ASYNC240


async def test_a_fifth_transfer_at_once_is_declined_and_four_go_on(party: PartyMaker, tmp_path: Path) -> None:
    to_ben, to_ana = await _linked(party)
    desk = BulkDesk(to_ana, Store(tmp_path, 0))
    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.run())
        for number in range(5):
            what = BytesSource(os.urandom(2 * MIB)).description
            await to_ben.send(Announce(transfer=number, content=what.content, size=what.size, root=what.root))
        answers = [(await to_ben.receive()).message for _ in range(5)]
        await to_ben.close()
    assert [type(answer) for answer in answers[:4]] == [Grant] * 4
    assert answers[4].reason == Reason.TOO_MANY_TRANSFERS


async def test_a_transfer_that_would_fill_the_disk_is_declined(party: PartyMaker, tmp_path: Path) -> None:
    to_ben, to_ana = await _linked(party)
    store = Store(tmp_path, reserve_bytes=3 * MIB, free_bytes=lambda _: 10 * MIB)
    receiving, sending = BulkDesk(to_ana, store), BulkDesk(to_ben)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(receiving.run())
        tasks.create_task(sending.run())
        with pytest.raises(TransferRefused) as refusal:
            await sending.send(BytesSource(os.urandom(8 * MIB)))
        assert refusal.value.reason is Reason.DISK_FULL
        await sending.send(BytesSource(os.urandom(6 * MIB)))
        await to_ben.close()


async def test_stock_libzmq_is_held_to_the_same_frame_limit(party: PartyMaker) -> None:
    ben = await party("ben")
    assert DEFAULT_LIMITS.frame_bytes_max(LinkKind.CONTROL) == 64 * 1024
    ana = await party("ana")
    link = await ana.dial(await ben.listen(ANYWHERE), LinkKind.CONTROL, ben.identity)
    inner = link._pipe._dealer._socket
    assert inner.get(zmq.MAXMSGSIZE) == 64 * 1024
    assert inner.get(zmq.SNDHWM) == inner.get(zmq.RCVHWM) == 8
    assert inner.get(zmq.HANDSHAKE_IVL) == 5000
    assert inner.get(zmq.HEARTBEAT_IVL) == 2000
    assert not os.listdir(ana._folder.name), "the path is gone as soon as the pump is connected"  # noqa: PTH208
    assert os.stat(ana._folder.name).st_mode & 0o777 == 0o700  # noqa: PTH116
