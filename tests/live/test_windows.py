"""Whoever runs a process can look into it without a key: who takes part, where rounds stand, who is awaited."""

import asyncio
import signal
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from shoal_base.errors import PlaceRefused, Unavailable
from shoal_swarm.service.window import SOCKET_NAME, look_through, window
from tests.live.swarm import PATIENCE_S, READY, Swarm, swarm

RUN = ("--run", "demo", "--synthetic", "300K", "--rounds", "1", "--min-nodes", "3")


def test_status_tells_who_is_here_and_who_is_awaited_and_health_who_is_not_well(tmp_path: Path) -> None:
    with swarm(tmp_path, 2, *RUN) as one:
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        peers = [one.peer(number, address) for number in (1, 2)]
        run = _when_ready(one, 2)
        assert (run["phase"], run["waits_for"]) == ("GATHERING", ["1 more to be ready"])
        assert [(member["node"], member["state"]) for member in run["members"]] == [
            ("node-1", "here"),
            ("node-2", "here"),
        ]
        well = one.ask("health")
        assert {process["kind"] for process in well["processes"]} == {"sentinel", "peer"}
        assert len(well["processes"]) == 3
        peers[0].end(signal.SIGKILL)
        assert any("nobody answers" in problem for problem in one.ask("health", code=9)["error"]["problems"])


def _when_ready(one: Swarm, nodes: int) -> dict[str, Any]:
    deadline = monotonic() + PATIENCE_S
    while monotonic() < deadline:
        run: dict[str, Any] = one.ask("status")["sentinels"][0]["runs"][0]
        if sum(member["ready_for"] is not None for member in run["members"]) == nodes:
            return run
        sleep(0.1)
    raise AssertionError("\n".join(process.story() for process in one.started))


@pytest.mark.anyio
async def test_a_window_is_its_owners_alone_and_closes_with_its_process(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 100) / ("deep" * 10)
    async with window(folder, lambda: {"well": True}):
        assert (folder / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
        assert await asyncio.to_thread(look_through, folder / SOCKET_NAME) == {"well": True}
    assert not (folder / SOCKET_NAME).exists()


def test_a_window_that_nobody_is_behind_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nobody answers there"):
        look_through(tmp_path / SOCKET_NAME)
    with pytest.raises(PlaceRefused, match="cannot be entered"):
        look_through(tmp_path / "nowhere" / SOCKET_NAME)
