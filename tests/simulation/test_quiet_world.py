"""Promise: where nothing fails, every round has everybody in it, at its first attempt."""

from collections import Counter

import pytest

from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer import effects as do
from tests.simulation.world import Host, Shape, World

SHAPES = {
    "three nodes, an owner each": Shape(),
    "one owner for all": Shape(pieces=5, owners_max=1),
    "more nodes than pieces": Shape(nodes=6, pieces=2, owners_max=6),
    "two nodes": Shape(nodes=2),
    "two sentinels": Shape(sentinels=2),
    "lists that travel": Shape(long_lists=True),
    "weights from the Gram matrix": Shape(needs_gram=True),
    "one node on its own": Shape(nodes=1, min_nodes=1, copies=1),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_round_has_everybody_in_it(shape: Shape) -> None:
    world = World(7, shape)
    world.boot_all()
    world.run_until(60.0)
    commits = world.invariants.commits
    assert len(commits) >= 10
    for index, commit in commits.items():
        cut = world.invariants.cuts[index, commit.attempt]
        assert commit.attempt == 0
        assert len(cut.contributors) == (1 if index == 0 else shape.nodes)
    assert all(host.disk.books.applied >= len(commits) - 2 for host in world.nodes.values())


def test_every_piece_is_merged_ahead_of_the_order_for_it() -> None:
    world = World(7, Shape(pieces=5))
    ahead: Counter[tuple[str, int, frozenset[do.MergeInput]]] = Counter()
    foreseen: list[bool] = []

    def watch(host: Host, effect: object) -> bool:
        match effect:
            case do.MergeAhead(order=order, offsets=offsets):
                ahead[host.name, order.round, frozenset(order.inputs)] += len(offsets)
            case do.MergeShare(round=index, inputs=inputs):
                foreseen.append(ahead[host.name, index, frozenset(inputs)] == len(inputs[0].pieces))
        return False

    world.watchers.append(watch)
    world.boot_all()
    world.run_until(60.0)
    assert len(foreseen) >= 30
    assert all(foreseen)


def test_a_node_remembers_the_commits_that_it_may_need_and_no_others() -> None:
    world = World(7, Shape())
    world.boot_all()
    world.run_until(60.0)
    for host in world.nodes.values():
        assert host.process is not None
        assert len(host.process.run.knowledge.commits) <= 3


def test_the_last_round_ends_the_run() -> None:
    world = World(7, Shape(rounds=3))
    world.boot_all()
    world.run_until(60.0)
    assert world.register.record is not None
    assert world.register.record.phase == "ENDED"
    assert max(world.invariants.commits) == 3


def test_the_same_seed_tells_the_same_story() -> None:
    stories = []
    for _ in range(2):
        world = World(11, Shape(), story=True)
        world.boot_all()
        world.run_until(30.0)
        stories.append(world.story)
    assert stories[0] == stories[1]


def test_work_that_can_not_be_merged_costs_the_others_no_time() -> None:
    rounds = []
    for poisons in (False, True):
        world = World(13, Shape(min_nodes=2))
        world.nodes[NodeName("node-2")].poisons = poisons
        world.boot_all()
        world.run_until(60.0)
        assert all(commit.attempt == 0 for commit in world.invariants.commits.values())
        rounds.append(len(world.invariants.commits))
    clean, poisoned = rounds
    assert poisoned >= 0.9 * clean
