"""Whoever comes late, stays away or loses its disk ends with the same bytes; below `min_nodes` the swarm waits."""

import signal
from pathlib import Path

import pytest

from tests.live.lasting import SENTINEL, lasting, options

AWAY_ROUNDS = 4


@pytest.mark.full
def test_a_late_comer_one_that_was_away_and_one_with_an_empty_disk_end_with_the_same_bytes(tmp_path: Path) -> None:
    with lasting(tmp_path, 2, options(), certificates=3) as one:
        one.until(lambda: one.newest() >= 3, "came to round 3")
        one.start("node-3")
        one.settle()
        assert min(one.alive["node-3"].adapters()) >= 3
        one.kill("node-1")
        left = one.newest()
        one.until(lambda: one.newest() >= left + AWAY_ROUNDS, "went on without node-1")
        one.start("node-1")
        one.kill("node-2")
        one.wipe("node-2")
        one.start("node-2")
        one.settle()
        one.until_all_are_in()
        one.end()


@pytest.mark.full
def test_below_min_nodes_the_swarm_waits_says_so_and_goes_on_by_itself(tmp_path: Path) -> None:
    with lasting(tmp_path, 2, options()) as one:
        one.kill("node-2")
        one.until(lambda: any("node-2" in what or "1 more" in what for what in one.run_facts()["waits_for"]), "said so")
        one.until(lambda: "gone" in [member["state"] for member in one.run_facts()["members"]], "missed node-2")
        before = one.run_facts()
        assert before["waits_for"]
        assert one.alive["node-1"].popen.poll() is None
        one.start("node-2")
        one.settle()
        assert one.run_facts()["committed"] > before["committed"]
        one.end()


@pytest.mark.full
def test_a_swarm_that_was_stopped_altogether_goes_on_where_it_was(tmp_path: Path) -> None:
    with lasting(tmp_path, 3, options()) as one:
        before = one.newest()
        for name in (SENTINEL, *one.nodes):
            one.alive[name].popen.send_signal(signal.SIGKILL)
        names = one.nodes
        for name in (SENTINEL, *names):
            one.bury(name)
        one.start(SENTINEL)
        one.start(*names)
        one.until(lambda: one.newest() > before, "went on")
        one.end()
