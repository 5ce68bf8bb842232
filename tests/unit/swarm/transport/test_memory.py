"""Guards the twin's weather: each kind of it does to messages what its name says."""

import asyncio
import contextlib

import numpy as np
import pytest

from shoal_certs.identity import Identity, Role
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.memory import MemoryNetwork, MemoryPipe, Weather
from shoal_swarm.transport.reasons import LinkEnded, Reason

ANA, BEN = Identity("reef", Role.NODE, "ana"), Identity("reef", Role.NODE, "ben")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _pair(weather: Weather) -> tuple[MemoryPipe, MemoryPipe]:
    network = MemoryNetwork(np.random.default_rng(3), weather)
    here, there = MemoryPipe(network, BEN, DEFAULT_LIMITS), MemoryPipe(network, ANA, DEFAULT_LIMITS)
    here.other, there.other = there, here
    return here, there


async def _through(weather: Weather, count: int = 4) -> list[int]:
    here, there = _pair(weather)
    for number in range(count):
        await here.send([bytes([number])])
    await here.finish()
    arrived: list[int] = []
    with contextlib.suppress(LinkEnded):
        while True:
            arrived.append((await there.receive())[0][0])
    return arrived


async def test_each_weather_does_what_its_name_says() -> None:
    assert await _through(Weather()) == [0, 1, 2, 3]
    assert await _through(Weather(lost=1.0)) == []
    assert await _through(Weather(doubled=1.0)) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert await _through(Weather(swapped=1.0)) == [1, 0, 3, 2]
    assert await _through(Weather(delay_s=0.01)) == [0, 1, 2, 3]


async def test_a_cut_ends_both_sides() -> None:
    here, there = _pair(Weather(cut=1.0))
    with pytest.raises(LinkEnded) as end:
        await here.send([b"x"])
    assert end.value.reason is Reason.BROKEN
    with pytest.raises(LinkEnded) as other:
        await there.receive()
    assert other.value.reason is Reason.TRUNCATED


async def test_a_full_queue_makes_the_sender_wait() -> None:
    here, there = _pair(Weather())
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for number in range(DEFAULT_LIMITS.queue_messages):
            await here.send([bytes([number])])
        waiting = tasks.create_task(here.send([b"\xff"]))
        await asyncio.sleep(0)
        assert not waiting.done()
        await there.receive()
        await waiting


async def test_the_same_seed_is_the_same_weather() -> None:
    rough = Weather(lost=0.3, doubled=0.3, swapped=0.3)
    assert await _through(rough, 8) == await _through(rough, 8)
