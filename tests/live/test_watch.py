"""Promise: `shoal watch` tells what moves, line by line, and ends well with the run or when somebody asks it to."""

import json
import re
import signal
from pathlib import Path

from tests.live.swarm import READY, swarm

RUN = ("--run", "demo", "--synthetic", "300K", "--rounds", "2", "--min-nodes", "2")


def test_a_run_is_followed_to_its_end(tmp_path: Path) -> None:
    with swarm(tmp_path, 2, *RUN) as one:
        address = one.sentinel().wait_for(READY)[1]
        first = one.peer(1, address)
        watching = one.start("watch", "watch", "--every", "0.1")
        watching.wait_for(re.compile("node-1 .here."))
        watching.wait_for(re.compile("waits for 1 more to be ready"))
        assert [peer.wait() for peer in (first, one.peer(2, address))] == [0, 0]
        assert watching.wait() == 0
        assert "Every run is over." in watching.lines
        assert any(re.search(r"ENDED, round 2 of 2, committed up to 2, 0\.\d MB each", line) for line in watching.lines)
        assert watching.lines.count("    waits for 1 more to be ready") == 1


def test_whoever_has_seen_enough_may_go(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN) as one:
        watching = one.start("watch", "watch", "--every", "0.1")
        watching.wait_for(re.compile("No sentinel answers here now"))
        one.sentinel()
        watching.wait_for(re.compile("spiffe://demo/sentinel/sentinel-1 at "))
        assert watching.end(signal.SIGINT) == 0
        assert watching.lines[-1] == "Seen enough; the swarm goes on."


def test_a_program_gets_the_last_look_and_nothing_else(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN[:-1], "1") as one:
        assert one.peer(1, one.sentinel().wait_for(READY)[1]).wait() == 0
        watching = one.start("watch", "watch", "--json")
        assert watching.wait() == 0
        assert json.loads("\n".join(watching.lines))["sentinels"][0]["runs"][0]["phase"] == "ENDED"
