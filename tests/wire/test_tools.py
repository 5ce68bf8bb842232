"""Guards that the wire is what it says: TLS 1.3 to any tool that knows TLS, ZMTP inside to any libzmq."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Identity, Role
from shoal_swarm.protocol.messages import Hello, Ping, Pong, Welcome, decode, encode
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.source import BytesSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.dialler import connect_tcp
from shoal_swarm.transport.limits import Limits
from tests.parties import Town
from tests.proxy import proxy_to
from tests.wire.conftest import ANYWHERE, PartyMaker

STUNNEL = shutil.which("stunnel") or shutil.which("stunnel4")
needs_stunnel = pytest.mark.skipif(STUNNEL is None, reason="stunnel is not installed here (apt-get install stunnel4)")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed here")
TLS_RECORD_TYPES = {20, 21, 22, 23}


async def _s_client(address: tuple[str, int], *options: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-alpn", LinkKind.CONTROL.value, *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    said = b""
    async with asyncio.timeout(15):
        while b"Verify return code" not in said and b"alert" not in said and (part := await process.stdout.read(4096)):
            said += part
        process.stdin.close()
        said += await process.stdout.read()
        await process.wait()
    return said.decode(errors="replace")


@needs_openssl
async def test_openssl_sees_tls_1_3_and_is_let_in_with_a_certificate_only(party: PartyMaker, town: Town) -> None:
    ben = await party("ben")
    address = await ben.listen(ANYWHERE)
    files = town.files("ana")
    known = ["-CAfile", str(files.capath / "bundle.pem")]
    ours = ["-cert", str(files.cert), "-key", str(files.key), "-cert_chain", str(files.cert)]
    good = await _s_client(address, *known, *ours)
    assert "TLSv1.3" in good
    assert "Verify return code: 0 (ok)" in good
    assert "ALPN protocol: shoal-ctl/1" in good
    assert not ben.refused
    assert "alert certificate required" in await _s_client(address, *known)
    assert "alert protocol version" in await _s_client(address, *known, *ours, "-tls1_2")


async def _stunnel(folder: Path, files: CredentialFiles, service: str) -> asyncio.subprocess.Process:
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\nsslVersion = TLSv1.3\ncert = {files.cert}\nkey = {files.key}\n"
        f"CAfile = {files.capath / 'bundle.pem'}\nverifyChain = yes\n[wire]\n{service}"
    )
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(str(STUNNEL), str(folder / "stunnel.conf"), stderr=quiet, stdout=quiet)


def _free_port() -> int:
    with socket.create_server(ANYWHERE) as one:
        return int(one.getsockname()[1])


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(10):
        while not Path("/proc/net/tcp").read_text().count(f":{port:04X} 00000000:0000 0A"):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.02)


@pytest.fixture
def without_alpn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stunnel cannot name a protocol (ALPN), so that one check is set aside for it."""
    monkeypatch.setattr("shoal_swarm.transport.handshake.kind_of", lambda *_: LinkKind.CONTROL)


@needs_stunnel
@pytest.mark.usefixtures("without_alpn")
async def test_a_stock_dealer_behind_stunnel_talks_to_us(party: PartyMaker, town: Town, tmp_path: Path) -> None:
    ben = await party("ben")
    address = await ben.listen(ANYWHERE)
    port = _free_port()
    service = f"client = yes\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{address[1]}\n"
    stunnel = await _stunnel(tmp_path, town.files("ana"), service)
    await _until_listening(port)
    with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(f"tcp://127.0.0.1:{port}")
        async with asyncio.timeout(10):
            await dealer.send(encode(Hello(sender="spiffe://reef/node/ana", versions=(1,))))
            assert isinstance(decode(await dealer.recv(), bytes_max=4096), Welcome)
            link = await ben.accept()
            await dealer.send_multipart([encode(Ping(number=1)), b"payload"])
            assert bytes((await link.receive()).payload) == b"payload"
            await link.send(Pong(number=1), b"back")
            assert (await dealer.recv_multipart())[1] == b"back"
    stunnel.terminate()
    await stunnel.wait()


@needs_stunnel
@pytest.mark.usefixtures("without_alpn")
async def test_we_talk_to_a_stock_dealer_behind_stunnel(party: PartyMaker, town: Town, tmp_path: Path) -> None:
    ana = await party("ana")
    files = town.files("ben")
    with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        inner, port = dealer.bind_to_random_port("tcp://127.0.0.1"), _free_port()
        service = f"accept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{inner}\nrequireCert = yes\n"
        stunnel = await _stunnel(tmp_path, files, service)
        await _until_listening(port)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            expected = Identity("reef", Role.NODE, "ben")
            dialling = tasks.create_task(ana.dial(("127.0.0.1", port), LinkKind.CONTROL, expected))
            assert isinstance(decode(await dealer.recv(), bytes_max=4096), Hello)
            await dealer.send(encode(Welcome(sender=expected.uri, version=1)))
            link = await dialling
            await link.send(Ping(number=7), b"over stunnel")
            assert (await dealer.recv_multipart())[1] == b"over stunnel"
    stunnel.terminate()
    await stunnel.wait()


def _records(stream: bytes) -> list[tuple[int, int]]:
    """The TLS records of a stream: type and length of each; a tail that is cut off counts as one."""
    found, at = [], 0
    while at + 5 <= len(stream):
        length = int.from_bytes(stream[at + 3 : at + 5], "big")
        found.append((stream[at], length))
        at += 5 + length
    return found


async def test_who_listens_on_the_way_sees_tls_records_and_no_names(party: PartyMaker, tmp_path: Path) -> None:
    ana, ben = await party("a-very-telling-name"), await party("another-telling-name")
    tensor = b"base_model.model.layers.0.self_attn.q_proj.lora_A.weight" * 40_000
    store = Store(tmp_path / "in", 0)
    async with proxy_to(await ben.listen(ANYWHERE), record=True) as network, asyncio.TaskGroup() as tasks:
        link = await ana.dial(network.address, LinkKind.BULK, ben.identity)
        tasks.create_task(BulkDesk(await ben.accept(), store).run())
        desk = BulkDesk(link)
        tasks.create_task(desk.run())
        await desk.send(BytesSource(tensor))
        await link.close()
    for stream in (bytes(network.recorded["up"]), bytes(network.recorded["down"])):
        records = _records(stream)
        assert {kind for kind, _ in records} <= TLS_RECORD_TYPES
        assert records[0][0] == 22, "the first is a handshake"
        assert max(length for _, length in records) <= 16384 + 256
        for telling in (b"telling-name", b"lora_A", b"spiffe", b"reef", b"READY", b"announce"):
            assert telling not in stream
    assert len(network.recorded["up"]) > len(tensor)


async def test_a_dialler_hook_may_bring_its_own_connection(party: PartyMaker) -> None:
    """As a relay will: the hook returns a connected socket and everything above it stays end to end."""
    ben = await party("ben")
    address = await ben.listen(ANYWHERE)
    asked: list[tuple[str, int]] = []

    def through_a_relay(wanted: tuple[str, int], limits: Limits) -> socket.socket:
        asked.append(wanted)
        return connect_tcp(address, limits)

    ana = await party("ana", connector=through_a_relay)
    link = await ana.dial(("ben.behind.nat", 1), LinkKind.CONTROL, ben.identity)
    assert link.peer.identity == ben.identity
    assert asked == [("ben.behind.nat", 1)]
