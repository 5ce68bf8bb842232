"""A peer or the sentinel killed in the middle of a round costs time and nothing else: same rounds, same bytes."""

import re
import signal
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.live.swarm import LISTENS, PATIENCE_S, READY, Process, Swarm, swarm

RUN = ("--run", "demo", "--synthetic", "300K", "--rounds", "4", "--min-nodes", "3")


def _when(process: Process, phase: str, round_index: int) -> None:
    """Wait until the sentinel has written this phase of this round."""
    written = re.compile(f'"phase": "{phase}", "round": {round_index},')
    deadline = monotonic() + PATIENCE_S
    while monotonic() < deadline:
        if written.search((process.folder / f"{process.name}.log").read_text()):
            return
        sleep(0.005)
    raise AssertionError(process.story())


def _kill(process: Process) -> None:
    assert process.end(signal.SIGKILL) == -signal.SIGKILL


def _start(one: Swarm) -> tuple[Process, str, list[Process]]:
    sentinel = one.sentinel()
    address = sentinel.wait_for(READY)[1]
    return sentinel, address, [one.peer(number, address) for number in (1, 2, 3)]


def _must_agree(peers: list[Process], rounds: int) -> None:
    stories = "\n".join(peer.story() for peer in peers)
    assert [peer.wait() for peer in peers] == [0] * len(peers), stories
    adapters = [peer.adapters() for peer in peers]
    assert all(rounds in one for one in adapters), stories
    for number in range(rounds + 1):
        assert len({one[number] for one in adapters if number in one}) == 1, stories


def test_a_peer_and_then_the_sentinel_killed_in_the_middle_of_rounds_come_back_and_all_agree(tmp_path: Path) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        sentinel, address, peers = _start(one)
        place = peers[1].wait_for(LISTENS)[1]
        _when(sentinel, "CUT", 1)
        _kill(peers[1])
        before = peers[1].adapters()
        peers[1] = one.peer(2, address, place)
        _when(sentinel, "OPEN", 3)
        _kill(sentinel)
        one.sentinel(int(address.rpartition(":")[2]))
        _must_agree(peers, 4)
        assert before.items() <= peers[0].adapters().items()


@pytest.mark.full
@pytest.mark.parametrize("phase", ["OPEN", "CUT"])
def test_a_peer_killed_in_the_middle_of_a_round_comes_back_and_all_agree(tmp_path: Path, phase: str) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        sentinel, address, peers = _start(one)
        place = peers[1].wait_for(LISTENS)[1]
        _when(sentinel, phase, 2)
        _kill(peers[1])
        before = peers[1].adapters()
        peers[1] = one.peer(2, address, place)
        _must_agree(peers, 4)
        assert before.items() <= peers[0].adapters().items()


@pytest.mark.full
@pytest.mark.parametrize("phase", ["OPEN", "CUT"])
def test_a_sentinel_killed_in_the_middle_of_a_round_comes_back_and_all_agree(tmp_path: Path, phase: str) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        sentinel, address, peers = _start(one)
        _when(sentinel, phase, 2)
        _kill(sentinel)
        one.sentinel(int(address.rpartition(":")[2]))
        _must_agree(peers, 4)
