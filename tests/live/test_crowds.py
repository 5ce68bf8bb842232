"""Many nodes for many rounds never part ways, and what they need of memory does not grow."""

import gc
from pathlib import Path
from statistics import median

import pytest

from shoal_swarm.service.run_config import synthetic_run
from tests.live.crowd import Crowd
from tests.live.lasting import SENTINEL, lasting, options

GROWTH_MAX_BYTES = 16 << 20
"""A ledger grows with every round, and every node has a copy; anything else has to stay as it is."""
NODE_GROWTH_MAX_BYTES_PER_ROUND = 12 << 10
"""Where one process plays everybody."""
SOAK = pytest.mark.nightly


def _rss_bytes(pid: int | str = "self") -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _has_grown_by(samples: list[int]) -> float:
    """From the second quarter to the last one: what comes before is warming up."""
    quarter = len(samples) // 4
    return median(samples[-quarter:]) - median(samples[quarter : 2 * quarter])


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("peers", "rounds"),
    [pytest.param(6, 12, marks=pytest.mark.full), pytest.param(32, 100, marks=SOAK)],
)
def test_a_crowd_on_the_wire_stays_together_and_keeps_its_memory(tmp_path: Path, peers: int, rounds: int) -> None:
    with lasting(tmp_path, peers, options("75K", min_nodes=peers // 2)) as one:
        watched = {name: one.alive[name].popen.pid for name in (SENTINEL, "node-1", f"node-{peers}")}
        samples: dict[str, list[int]] = {name: [] for name in watched}
        for _ in range(rounds):
            goal = one.newest() + 1
            one.until(lambda goal=goal: one.newest() >= goal, f"came to round {goal}", 120)  # type: ignore[misc]
            for name, pid in watched.items():
                samples[name].append(_rss_bytes(pid))
        one.end()
        for name, seen in samples.items():
            assert _has_grown_by(seen) <= GROWTH_MAX_BYTES, f"{name}: {seen}"


@pytest.mark.anyio
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("peers", "rounds"),
    [pytest.param(8, 8, marks=pytest.mark.full), pytest.param(100, 40, marks=SOAK)],
)
async def test_a_crowd_in_memory_stays_together_and_keeps_its_memory(tmp_path: Path, peers: int, rounds: int) -> None:
    crowd = Crowd(tmp_path, synthetic_run("crowd", 20_000, 100_000, peers))
    samples: list[int] = []
    async with crowd.running(peers):
        await crowd.until(lambda: len(crowd.adapters) == peers, 60)
        for number in range(rounds):
            await crowd.until(lambda number=number: all(number in one for one in crowd.adapters.values()), 300)  # type: ignore[misc]
            gc.collect()
            samples.append(_rss_bytes())
    for number in range(rounds):
        assert len({one[number] for one in crowd.adapters.values()}) == 1, f"round {number}"
    assert len({crowd.adapters["node-1"][number] for number in range(rounds)}) == rounds
    assert _has_grown_by(samples) <= GROWTH_MAX_BYTES + NODE_GROWTH_MAX_BYTES_PER_ROUND * peers * rounds, samples
