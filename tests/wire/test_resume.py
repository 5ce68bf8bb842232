"""Guards transfers over bad networks and through crashes: they complete from where they were, bytes equal."""

import asyncio
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.courier import deliver
from shoal_swarm.transport.bulk.desks import Desks
from shoal_swarm.transport.bulk.source import BytesSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.reasons import LinkEnded, Reason
from tests.parties import Town
from tests.proxy import proxy_to
from tests.wire.conftest import ANYWHERE, PartyMaker, start_echo, start_send

MIB = 1 << 20


def _chunks_there(inbox: Path) -> int:
    return sum(path.stat().st_size // 32 for path in inbox.glob("*.hashes"))


async def _until_some_but_not_all_arrived(inbox: Path, chunks: int) -> int:
    async with asyncio.timeout(30):
        while not 2 <= (there := _chunks_there(inbox)) < chunks:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.01)
    return there


@pytest.mark.parametrize("killed", ["receiver", "sender"])
async def test_a_side_that_is_killed_goes_on_from_where_it_was(town: Town, tmp_path: Path, killed: str) -> None:
    file, inbox = tmp_path / "tensor", tmp_path / "inbox"
    file.write_bytes(os.urandom(24 * MIB))
    ana, ben = town.files("ana"), town.files("ben")
    receiver, port = await start_echo(ben, inbox)
    async with proxy_to(("127.0.0.1", port), bytes_per_s=6 * MIB) as slow:
        sender = await start_send(ana, file, slow.address[1], "ben")
        there = await _until_some_but_not_all_arrived(inbox, 24)
        victim = receiver if killed == "receiver" else sender
        victim.kill()
        await victim.wait()
        slow.bytes_per_s = None
        if killed == "receiver":
            receiver, _ = await start_echo(ben, inbox, port)
        else:
            sender = await start_send(ana, file, slow.address[1], "ben")
        async with asyncio.timeout(40):
            out, errors = await sender.communicate()
    receiver.terminate()
    await receiver.wait()
    assert sender.returncode == 0, errors
    assert b"who verified them" in out
    (received,) = inbox.iterdir()
    assert received.read_bytes() == file.read_bytes()
    first_seen = [int(line.split()[1]) for line in errors.decode().splitlines() if " of " in line]
    restarted = first_seen if killed == "sender" else first_seen[1:]
    assert max(restarted[:2]) >= there * MIB, "it went on from what had arrived"


async def test_what_has_arrived_is_not_sent_again(party: PartyMaker, tmp_path: Path) -> None:
    ana, ben = await party("ana"), await party("ben")
    data = os.urandom(24 * MIB)
    arrived = asyncio.get_running_loop().create_future()
    there_at_cut: list[int] = []
    brief = replace(DEFAULT_LIMITS, window_chunks=4)

    async def serve(desks: Desks) -> None:
        while True:
            desks.serve(await ben.accept())

    async with (
        proxy_to(await ben.listen(ANYWHERE), record=True, bytes_per_s=12 * MIB) as network,
        asyncio.timeout(60),
        Desks(ana) as from_ana,
        Desks(ben, Store(tmp_path, 0), limits=brief, on_delivery=arrived.set_result) as to_ben,
        asyncio.TaskGroup() as tasks,
    ):
        serving = tasks.create_task(serve(to_ben))

        def note(bytes_there: int) -> None:
            if bytes_there >= 10 * MIB and not there_at_cut:
                network.cut()
                there_at_cut.append(len(network.recorded["up"]))
                network.recorded["up"].clear()

        reach = lambda: from_ana.reach(network.address, ben.identity)  # noqa: E731 - it says what it does
        await deliver(reach, BytesSource(data), patience_s=20, on_progress=note)
        again = len(network.recorded["up"])
        serving.cancel()
    assert (await arrived).path.read_bytes() == data
    assert network.connections == 2
    assert again < 14 * MIB + MIB // 2, "what was verified does not travel twice"


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param({"delay_s": 0.02}, id="delay"),
        pytest.param({"bytes_per_s": 12 * MIB}, id="throttled"),
        pytest.param({"break_after_bytes": 5 * MIB + 77}, id="reset"),
        pytest.param({"break_after_bytes": 5 * MIB + 77, "politely": True}, id="truncated"),
    ],
)
async def test_a_bad_network_costs_time_and_no_bytes(
    party: PartyMaker, tmp_path: Path, faults: dict[str, object]
) -> None:
    ana, ben = await party("ana"), await party("ben")
    data = os.urandom(12 * MIB + 5)
    store = Store(tmp_path / "in", 0)
    arrived = asyncio.get_running_loop().create_future()

    async def serve() -> None:
        async with Desks(ben, store, on_delivery=arrived.set_result) as desks:
            while True:
                desks.serve(await ben.accept())

    async with (
        proxy_to(await ben.listen(ANYWHERE), **faults) as network,
        asyncio.timeout(60),
        Desks(ana) as desks,
        asyncio.TaskGroup() as tasks,
    ):
        serving = tasks.create_task(serve())
        await deliver(lambda: desks.reach(network.address, ben.identity), BytesSource(data), patience_s=20)
        serving.cancel()
    assert (await arrived).path.read_bytes() == data
    if "break_after_bytes" in faults:
        assert network.breaks >= 2, "each connection carried less than half"


async def test_a_connection_that_is_never_answered_does_not_hang_the_dialler(party: PartyMaker) -> None:
    ana, ben = await party("ana", limits=replace(DEFAULT_LIMITS, handshake_s=0.5)), await party("ben")
    with socket.create_server(ANYWHERE) as silent, pytest.raises(LinkEnded) as refusal:
        await ana.dial(silent.getsockname(), LinkKind.CONTROL, ben.identity)
    assert refusal.value.reason is Reason.HANDSHAKE_LATE
