"""Cut wires in one or both directions and slow ones cost time and nothing else: the same bytes, nothing lost."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest

from tests.live.lasting import SENTINEL, Lasting, lasting, options
from tests.live.network import Network, network

NODES = ("node-1", "node-2", "node-3")
GONE_S = 6.0
OUTAGE_S = GONE_S + 4
MEGABIT = 1e6


@contextmanager
def _wired(folder: Path, run: Sequence[str] = ()) -> Iterator[tuple[Network, Lasting]]:
    names = (SENTINEL, *NODES)
    with network(*names) as net:
        hosts = {name: net.address(name) for name in names}
        through = {name: net.through(name) for name in names}
        with lasting(folder, len(NODES), run or options(), hosts=hosts, through=through) as one:
            yield net, one


@pytest.mark.full
def test_two_nodes_that_reach_each_other_in_one_direction_only_hold_nobody_up_for_ever(tmp_path: Path) -> None:
    with _wired(tmp_path) as (net, one):
        net.cut("node-1", "node-2")
        before = one.newest()
        one.until(lambda: one.newest() >= before + 3, "went on with a one-way link")
        net.heal("node-1", "node-2")
        one.settle(3)
        one.end()


@pytest.mark.full
def test_a_node_whose_words_do_not_reach_the_sentinel_is_missed_and_comes_back(tmp_path: Path) -> None:
    with _wired(tmp_path) as (net, one):
        began = datetime.now(UTC)
        net.cut("node-3", SENTINEL)
        sleep(OUTAGE_S)
        one.settle(2, ["node-1", "node-2"])
        net.heal("node-3", SENTINEL)
        one.settle()
        assert one.longest_s(began) <= OUTAGE_S
        one.end()


@pytest.mark.full
def test_a_node_without_network_is_missed_and_catches_up(tmp_path: Path) -> None:
    with _wired(tmp_path) as (net, one):
        net.isolate("node-2")
        sleep(OUTAGE_S)
        one.settle(2, ["node-1", "node-3"])
        net.rejoin("node-2")
        one.settle()
        one.until_all_are_in()
        one.end()


@pytest.mark.full
def test_without_the_sentinel_nobody_commits_and_everybody_goes_on_when_it_is_back(tmp_path: Path) -> None:
    with _wired(tmp_path) as (net, one):
        net.isolate(SENTINEL)
        sleep(1)
        before = one.newest()
        sleep(OUTAGE_S)
        assert one.newest() == before
        net.rejoin(SENTINEL)
        one.settle()
        one.end()


@pytest.mark.full
def test_a_node_with_a_tenth_of_the_others_bandwidth_is_in_the_rounds_like_everybody(tmp_path: Path) -> None:
    with _wired(tmp_path, options("4M")) as (net, one):
        for name in NODES:
            net.throttle(name, (10 if name == "node-3" else 100) * MEGABIT)
        first = one.newest() + 2
        one.settle(4)
        newest = one.newest()
        one.end()
        assert all(one.contributors(number) == list(NODES) for number in range(first, newest))
