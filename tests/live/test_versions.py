"""Promise: another version of us is understood or answered in words at once; a newer register is not touched."""

import sqlite3
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.live.swarm import READY, swarm

RUN = ("--run", "demo", "--synthetic", "20K", "--rounds", "1", "--min-nodes", "1")
ANSWERED_WITHIN_S = 10.0


@pytest.mark.parametrize(("sentinel", "peer"), [("1", "2"), ("2,3", "1")], ids=["a newer node", "an older node"])
def test_a_node_with_no_version_in_common_is_answered_in_words(sentinel: str, peer: str, tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN) as one:
        one.instead["sentinel"] = [sys.executable, "-m", "tests.live.of_version", sentinel]
        one.instead["node-1"] = [sys.executable, "-m", "tests.live.of_version", peer]
        address = one.sentinel().wait_for(READY)[1]
        began = monotonic()
        process = one.peer(1, address)
        code = process.wait()
        assert monotonic() - began < ANSWERED_WITHIN_S
        assert code != 0
        assert "the two builds have no protocol version in common; update the older one" in process.story()


def test_a_sentinel_that_speaks_the_next_version_too_serves_nodes_of_this_one(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN) as one:
        one.instead["sentinel"] = [sys.executable, "-m", "tests.live.of_version", "1,2"]
        assert one.peer(1, one.sentinel().wait_for(READY)[1]).wait() == 0


def test_a_register_of_a_newer_version_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN) as one:
        assert one.sentinel().end() == 0
        place = tmp_path / "home/state/demo/register.db"
        with sqlite3.connect(place) as register:
            register.execute("INSERT INTO schema (version, name) VALUES (99, 'of the future')")
        register.close()
        before = place.read_bytes()
        process = one.start("sentinel", "sentinel", *RUN, "--port", "0", *one.keys("sentinel"))
        assert process.wait() == 4
        assert "99" in process.story()
        assert place.read_bytes() == before
