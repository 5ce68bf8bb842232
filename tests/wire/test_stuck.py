"""Guards that whoever is stuck, slow or gone holds up nobody else and keeps nothing of ours."""

import asyncio
import contextlib
import gc
import socket
import struct
import threading
import time
from dataclasses import replace

import pytest

from shoal_swarm.protocol.messages import Ping
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.handshake import shake_as_dialler
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import DEFAULT_LIMITS, MIB
from shoal_swarm.transport.link import GreetedLink
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason
from tests.parties import Town
from tests.wire.conftest import ANYWHERE, PartyMaker, open_descriptors, until
from tests.wire.test_hostile import GREETING, HELLO, READY


def _pumps() -> int:
    return sum(thread.name == "shoal-pump" for thread in threading.enumerate())


@pytest.mark.parametrize("leaves", ["aborted", "replaced"])
async def test_a_peer_that_stops_reading_keeps_no_thread_of_ours(party: PartyMaker, town: Town, leaves: str) -> None:
    ben = await party("ben", limits=replace(DEFAULT_LIMITS, goodbye_s=0.3, silence_s=1.5))
    address = await ben.listen(ANYWHERE)
    before = _pumps()

    def come() -> socket.socket:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(address)
        tls, _ = shake_as_dialler(raw, Keyring(town.files("eve")), LinkKind.BULK, ben.identity, 5)
        tls.sendall(GREETING + READY)
        while b"READY" not in tls.recv(65536):
            pass
        tls.sendall(HELLO)
        return tls

    stuck = await asyncio.to_thread(come)
    link = await ben.accept()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                await link.send(Ping(number=0), bytes(MIB))
    assert _pumps() == before + 1
    if leaves == "aborted":
        link._pipe.abort(Reason.REVOKED)
    else:
        await link.close(Reason.DUPLICATE)
    await until(lambda: _pumps() == before, 4)
    stuck.close()


async def test_diallers_that_wait_for_silent_addresses_hold_up_nothing_else(party: PartyMaker) -> None:
    ana, ben = await party("ana", limits=replace(DEFAULT_LIMITS, handshake_s=3.0)), await party("ben")
    with socket.create_server(ANYWHERE, backlog=64) as silent:
        dials = [
            asyncio.ensure_future(ana.dial(silent.getsockname(), LinkKind.CONTROL, ben.identity)) for _ in range(12)
        ]
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await asyncio.to_thread(time.sleep, 0)
        assert time.monotonic() - began < 1, "disks and credentials are looked after in threads too"
        ended = await asyncio.gather(*dials, return_exceptions=True)
    assert {type(end) for end in ended} == {LinkEnded}


async def test_a_dial_that_is_given_up_leaves_nothing_behind(party: PartyMaker) -> None:
    ana, ben = await party("ana"), await party("ben")
    address = await ben.listen(ANYWHERE)
    await (await ana.dial(address, LinkKind.CONTROL, ben.identity)).close()
    before = open_descriptors()
    dials = [asyncio.ensure_future(ana.dial(address, LinkKind.CONTROL, ben.identity)) for _ in range(3)]
    for number, dial in enumerate(dials):
        await asyncio.sleep(0.002 * number)
        dial.cancel()
    await _close_won(dials)
    await until(lambda: open_descriptors() <= before, 5)
    gc.collect()  # an abandoned socket would be warned of here


async def test_a_dial_given_up_while_it_replaces_a_link_leaves_no_link(
    party: PartyMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, ben = await party("ana"), await party("ben")
    address = await ben.listen(ANYWHERE)
    first = await ana.dial(address, LinkKind.CONTROL, ben.identity)
    closing = asyncio.Event()

    async def never_closed(reason: Reason) -> None:
        assert reason is Reason.DUPLICATE
        closing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(first, "close", never_closed)
    second = asyncio.ensure_future(ana.dial(address, LinkKind.CONTROL, ben.identity))
    await closing.wait()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    monkeypatch.undo()
    assert second.cancelled()
    assert not ana.links()
    await first.close()


async def _close_won(dials: list[asyncio.Future[GreetedLink]]) -> None:
    """A dial may have won before it was cancelled or let go; its link is then the test's to close."""
    for link in await asyncio.gather(*dials, return_exceptions=True):
        if not isinstance(link, BaseException):
            await link.close()


async def test_whoever_is_at_the_door_when_it_closes_is_let_go(town: Town, party: PartyMaker) -> None:
    ana, cleo = await party("ana"), await party("cleo")
    await (await ana.dial(await cleo.listen(ANYWHERE), LinkKind.CONTROL, cleo.identity)).close()
    before = open_descriptors()
    async with TlsEndpoint(Keyring(town.files("ben"))) as ben:
        address = await ben.listen(ANYWHERE)
        dials = [asyncio.ensure_future(ana.dial(address, LinkKind.CONTROL, ben.identity)) for _ in range(3)]
        await asyncio.sleep(0.02)
    await _close_won(dials)
    await until(lambda: open_descriptors() <= before, 5)
    gc.collect()


@pytest.mark.parametrize("rudely", [False, True], ids=["fin", "reset"])
async def test_a_peer_that_vanishes_at_any_stage_leaves_nothing_behind(
    party: PartyMaker, town: Town, *, rudely: bool
) -> None:
    ben = await party("ben", limits=replace(DEFAULT_LIMITS, handshake_s=0.5, greeting_s=0.5, goodbye_s=0.3))
    address = await ben.listen(ANYWHERE)
    keyring = Keyring(town.files("eve"))
    said = GREETING + READY + HELLO

    def vanish(stage: int) -> None:
        raw = socket.create_connection(address)
        if rudely:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if stage < 0:
            raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[: stage + 3])
            raw.close()
            return
        tls, _ = shake_as_dialler(raw, keyring, LinkKind.CONTROL, ben.identity, 5)
        tls.sendall(said[:stage])
        tls.close()

    async def serve() -> None:
        while True:
            link = await ben.accept()
            with contextlib.suppress(LinkEnded, LinkRefused):
                await link.receive()

    serving = asyncio.get_running_loop().create_task(serve())
    stages = (-3, -2, -1, 0, 1, 12, len(GREETING), len(GREETING) + 9, len(GREETING + READY), len(said) - 3, len(said))
    cleo = await party("cleo")
    await (await cleo.dial(address, LinkKind.CONTROL, ben.identity)).close()  # everything is warm
    await until(lambda: not ben.links() and not _pumps(), 5)
    before = open_descriptors()
    for stage in stages:
        await asyncio.to_thread(vanish, stage)
    await until(lambda: not ben.links() and not _pumps() and open_descriptors() <= before, 8)
    serving.cancel()
    assert not ben._reception.registry._connections
    gc.collect()


async def test_both_sides_agree_on_one_link_however_their_dials_cross(party: PartyMaker) -> None:
    ana, ben = await party("ana"), await party("ben")
    at_ana, at_ben = await ana.listen(ANYWHERE), await ben.listen(ANYWHERE)
    for lead_s in (-0.02, -0.008, -0.003, 0, 0, 0, 0.003, 0.008, 0.02):

        async def dial(one: TlsEndpoint, to: TlsEndpoint, address: tuple[str, int], after_s: float) -> None:
            await asyncio.sleep(after_s)
            with contextlib.suppress(LinkEnded, LinkRefused):
                await one.dial(address, LinkKind.CONTROL, to.identity)

        await asyncio.gather(dial(ana, ben, at_ben, max(0, lead_s)), dial(ben, ana, at_ana, max(0, -lead_s)))
        await until(lambda: [link.dialled for link in (*ana.links(), *ben.links())] == [True, False], 5)
        for link in (*ana.links(), *ben.links()):
            await link.close()
