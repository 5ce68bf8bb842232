"""Processes that know each other by certificate only finish rounds together and hold the same bytes."""

import re
import signal
from pathlib import Path
from time import monotonic

from tests.live.swarm import READY, swarm

RUN = ("--run", "demo", "--synthetic", "300K", "--rounds", "1", "--min-nodes", "3")


def test_a_sentinel_and_three_peers_finish_rounds_with_equal_adapters(tmp_path: Path) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        peers = [one.peer(number, address) for number in (1, 2, 3)]
        codes = [peer.wait() for peer in peers]
        stories = "\n".join(peer.story() for peer in peers)
        assert codes == [0, 0, 0], stories
        adapters = [peer.adapters() for peer in peers]
        assert adapters[0].keys() == {0, 1}, stories
        assert adapters[0] == adapters[1] == adapters[2], stories
        assert adapters[0][0] != adapters[0][1], "a round of work changes the adapter"
        assert sentinel.end() == 0


def test_a_sentinel_is_ready_at_once_and_ends_well_on_either_signal(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN) as one:
        took_s: list[float] = []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            began = monotonic()
            sentinel = one.sentinel()
            took_s.append(monotonic() - began - sentinel.waited_s())
            assert sentinel.lines[0].startswith("ready, listening on 127.0.0.1:")
            assert sentinel.end(number) == 0, sentinel.story()
        assert min(took_s) < 2, "the fastest start has met the least of what else the machine was doing"


def test_whoever_comes_with_other_run_options_is_refused_in_words(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN) as one:
        address = one.sentinel().wait_for(READY)[1]
        other = one.peer(1, address, "127.0.0.1:0", "--rounds", "7")
        assert other.wait() == 6
        assert re.search("Run configuration [0-9a-f]{12} is not this run's", other.story())
