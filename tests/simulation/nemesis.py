"""Targeted faults: each aims at one guard of the protocol and strikes where that guard is all that helps.

Random faults rarely hit the moment that matters. A nemesis looks at the state and waits for it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from shoal_swarm.protocol.decisions import Committed, CutMade, Decision
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer import effects as peer
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import Contribution, Held, Merged
from shoal_swarm.protocol.sentinel import effects as sentinel
from tests.simulation.mischief import Mischief
from tests.simulation.node_host import NodeHost
from tests.simulation.sentinel_host import SentinelHost
from tests.simulation.world import Host, World

ODDS = 0.25
"""How often a nemesis uses its chance; always would stop everything."""


def crash_once(world: World, label: str, occurrence: int, after: bool, down_s: float = 1.5) -> None:
    """Crash whoever is the n-th to reach an effect with this label, right before or right after it."""
    reached = 0

    def strike(host: Host, effect: object) -> bool:
        nonlocal reached
        if effect.label != label:  # type: ignore[attr-defined] - every effect has a label
            return False
        reached += 1
        if reached != occurrence:
            return False
        world.later(down_s, host.boot)
        if after:
            world.later(0.0, host.crash, f"right after: {label}")
            return False
        host.crash(f"right before: {label}")
        return True

    world.watchers.append(strike)


def wipe_a_holder_at_commit(mischief: Mischief) -> None:
    """The moment COMMIT is written, one of the disks that made it possible is lost."""
    world = mischief.world

    def strike(decision: Decision) -> None:
        if mischief.is_over or not isinstance(decision, Committed) or world.rng.random() > ODDS:
            return
        fewest = min(decision.results, key=lambda share: len(share.holders))
        host = world.nodes[world.rng.choice(fewest.holders)]
        world.later(0.0, mischief.wipe, host, "it held what was just committed")

    world.on_entry.append(strike)


def wipe_a_contributor_that_owners_have(mischief: Mischief) -> None:
    """A node loses its disk after owners have its contribution, and comes back with another one in the same round."""

    def strike(host: Host, effect: object) -> bool:
        world = mischief.world
        if mischief.is_over or not (isinstance(effect, peer.Send) and isinstance(effect.message, Contribution)):
            return False
        if not isinstance(host, NodeHost) or world.rng.random() > ODDS:
            return False
        world.later(world.rng.uniform(0.1, 0.8), _wipe_in_round, mischief, host)
        return False

    mischief.world.watchers.append(strike)


def _wipe_in_round(mischief: Mischief, host: NodeHost) -> None:
    record = mischief.world.register.record
    if record is None or record.phase not in {Phase.OPEN, Phase.CUT} or not mischief.may_harm_disk():
        return
    mischief.recovering = host
    mischief.world.wipe(host, "owners have its contribution")
    host.step_s = min(host.step_s, 0.02)
    mischief.world.later(0.05, host.boot)


def crash_after_speaking(mischief: Mischief) -> None:
    """A node crashes right after it announced something that must be durable, with every unsynced write torn off."""

    def strike(host: Host, effect: object) -> bool:
        world = mischief.world
        if mischief.is_over or not isinstance(effect, peer.Send) or not isinstance(host, NodeHost):
            return False
        if not isinstance(effect.message, Contribution | Merged | Held) or world.rng.random() > ODDS / 2:
            return False
        world.later(0.0, host.crash, f"right after it said {type(effect.message).__name__}")
        world.later(world.rng.uniform(0.2, 4.0), host.boot)
        return False

    mischief.world.watchers.append(strike)


def crash_a_sentinel_that_writes(mischief: Mischief) -> None:
    """A sentinel crashes right after it sent a write to the register, and is back before the answer."""

    def strike(host: Host, effect: object) -> bool:
        world = mischief.world
        if mischief.is_over or not isinstance(effect, sentinel.WriteRecord) or not isinstance(host, SentinelHost):
            return False
        if world.rng.random() > ODDS:
            return False
        world.later(0.0, host.crash, f"right after: {effect.label}")
        world.later(world.rng.choice([0.001, 0.5, 3.0]), host.boot)
        return False

    mischief.world.watchers.append(strike)


def leave_one_out(mischief: Mischief) -> None:
    """A contributor can't reach the owners for one round, so that its work comes late."""

    def strike(decision: Decision) -> None:
        world = mischief.world
        if mischief.is_over or not isinstance(decision, Committed) or world.rng.random() > 2 * ODDS:
            return
        host = world.rng.choice(list(world.nodes.values()))
        pairs = [(host.name, other) for other in world.nodes] + [(other, host.name) for other in world.nodes]
        world.tell(f"{host.name} can't reach other nodes after round {decision.round}")
        world.network.blocked |= set(pairs)
        world.later(world.rng.uniform(4.0, 14.0), world.network.blocked.difference_update, pairs)

    mischief.world.on_entry.append(strike)


def crash_owners_in_the_cut(mischief: Mischief) -> None:
    """An owner dies between CUT and its result, or right after publishing it."""

    def strike(host: Host, effect: object) -> bool:
        world = mischief.world
        due = isinstance(effect, peer.MergeShare) or (isinstance(effect, peer.KeepBlobs) and effect.purpose == "merge")
        if mischief.is_over or not due or world.rng.random() > ODDS:
            return False
        host.crash("in the middle of its share")
        world.later(world.rng.uniform(0.2, 15.0), host.boot)
        return True

    mischief.world.watchers.append(strike)


def abandon_a_cut(mischief: Mischief) -> None:
    """Results go round, but nobody hears that they are held; the round is tried again, with one contributor less."""
    world = mischief.world

    def strike(decision: Decision) -> None:
        if mischief.is_over or not isinstance(decision, CutMade) or world.rng.random() > 2 * ODDS:
            return
        world.later(0.6, world.tell, "nothing reaches the sentinels any more")
        pairs = [(node, name) for node in world.nodes for name in world.sentinels]
        world.later(0.6, world.network.blocked.update, pairs)
        world.later(world.rng.uniform(4.0, 9.0), world.network.blocked.difference_update, pairs)
        host = world.nodes[world.rng.choice(decision.contributors).signed.manifest.node]
        world.later(1.5, host.crash, "it contributed to a cut that is about to be given up")
        world.later(world.rng.uniform(8.0, 25.0), host.boot)

    world.on_entry.append(strike)


def wipe_a_holder_in_the_cut(mischief: Mischief) -> None:
    """A node that said HELD loses its disk before COMMIT, is back at once, and later another disk is lost."""

    def strike(host: Host, effect: object) -> bool:
        world = mischief.world
        due = isinstance(effect, peer.Send) and isinstance(effect.message, Held) and isinstance(host, NodeHost)
        if mischief.is_over or not due or world.rng.random() > ODDS / 2:
            return False
        world.later(0.1, _wipe_in_round, mischief, host)
        return False

    mischief.world.watchers.append(strike)


def make_a_ghost_of_a_holder(mischief: Mischief) -> None:
    """A node says HELD, loses its disk and is back before the owner is heard; at COMMIT the owner's disk goes."""
    world = mischief.world
    ghosts: set[str] = set()

    def strike(host: Host, effect: object) -> bool:
        if mischief.is_over or not isinstance(effect, peer.Send) or not isinstance(host, NodeHost):
            return False
        if isinstance(effect.message, Merged) and world.rng.random() < 2 * ODDS:
            pairs = [(host.name, name) for name in world.sentinels]
            world.later(0.25, world.network.blocked.update, pairs)
            world.later(3.0, world.network.blocked.difference_update, pairs)
        if isinstance(effect.message, Held) and mischief.may_harm_disk() and world.rng.random() < 2 * ODDS:
            ghosts.add(host.name)
            world.later(0.15, _wipe_in_round, mischief, host)
        return False

    def finish(decision: Decision) -> None:
        if isinstance(decision, Committed) and not mischief.is_over and ghosts:
            holders = {name for share in decision.results for name in share.holders} - ghosts
            ghosts.clear()
            for name in sorted(holders)[:1]:
                world.later(0.0, mischief.wipe, world.nodes[NodeName(name)], "the other holder is a ghost")

    world.watchers.append(strike)
    world.on_entry.append(finish)


def fill_the_disk_that_freezes(mischief: Mischief) -> None:
    """The disk is full just when a contribution or a result should become durable."""

    def strike(host: Host, effect: object) -> bool:
        world = mischief.world
        due = isinstance(effect, peer.KeepBlobs | peer.WriteBooks) and isinstance(host, NodeHost)
        if mischief.is_over or not due or world.rng.random() > ODDS / 4:
            return False
        assert isinstance(host, NodeHost)
        host.disk.is_full = True
        world.tell(f"{host.name} has no disk space left, just now")
        world.later(world.rng.uniform(0.5, 5.0), setattr, host.disk, "is_full", False)
        return False

    mischief.world.watchers.append(strike)


NEMESES: Final[Mapping[str, Callable[[Mischief], None]]] = {
    "wipe a holder at commit": wipe_a_holder_at_commit,
    "wipe a contributor that owners have": wipe_a_contributor_that_owners_have,
    "crash after speaking": crash_after_speaking,
    "crash a sentinel that writes": crash_a_sentinel_that_writes,
    "leave one out": leave_one_out,
    "crash owners in the cut": crash_owners_in_the_cut,
    "abandon a cut": abandon_a_cut,
    "wipe a holder in the cut": wipe_a_holder_in_the_cut,
    "make a ghost of a holder": make_a_ghost_of_a_holder,
    "fill the disk that freezes": fill_the_disk_that_freezes,
}
"""Every nemesis by its name; a seed picks some of them."""
