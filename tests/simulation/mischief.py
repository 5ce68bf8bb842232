"""Random faults: what can go wrong by itself, at any time, anywhere.

Each kind reads as a sentence in the story. Disk losses stay within what is promised (one disk at a time,
until its node has caught up again); everything else has no limit.
"""

from collections.abc import Callable, Mapping
from typing import Final

from tests.simulation.network import Weather
from tests.simulation.node_host import NodeHost
from tests.simulation.world import Host, World


class Mischief:
    """Does harm at random moments, then stops and mends."""

    def __init__(self, world: World, kinds: list[str], every_s: float, boundary_crashes: float) -> None:
        self.world, self.kinds, self.every_s = world, kinds, every_s
        self.is_over = False
        self.recovering: NodeHost | None = None
        """The node whose disk is incomplete; while there is one, no other disk is harmed."""
        self.liar: NodeHost | None = None
        self._boundary_crashes = boundary_crashes
        if boundary_crashes:
            world.watchers.append(self._crash_at_boundary)
        world.later(every_s, self._strike)

    def heal(self) -> None:
        """No more harm: what is broken is mended, what is down is started."""
        self.is_over = True
        world = self.world
        world.tell("everything heals")
        world.network.heal()
        world.register.silence = 0.0
        for host in world.nodes.values():
            host.disk.is_full = host.lies = host.is_two_faced = False
        for one in (*world.sentinels.values(), *world.nodes.values()):
            one.boot()

    def may_harm_disk(self) -> bool:
        """Whether a disk may be lost without breaking the promise that others keep."""
        if self.world.rules.copies < 2:
            return False
        host, record = self.recovering, self.world.register.record
        if self.liar is not None:
            return False
        if host is not None and record is not None and host.process is not None:
            holder = host.process.run.holder
            newest = holder.knowledge.newest
            if newest is not None and newest.round == record.committed and holder.is_complete(newest):
                self.recovering = None
                host.disk.rotten.clear()
        return self.recovering is None

    def wipe(self, host: NodeHost, why: str) -> bool:
        """Take a disk away if that is allowed now."""
        if not self.may_harm_disk():
            return False
        self.recovering = host
        self.world.wipe(host, why)
        self.world.later(self.world.rng.uniform(0.3, 6.0), host.boot)
        return True

    def _strike(self) -> None:
        if self.is_over:
            return
        KINDS[self.world.rng.choice(self.kinds)](self)
        self.world.later(self.world.rng.expovariate(1 / self.every_s), self._strike)

    def _crash_at_boundary(self, host: Host, effect: object) -> bool:
        if self.is_over or self.world.rng.random() >= self._boundary_crashes:
            return False
        host.crash(f"before: {effect.label}")  # type: ignore[attr-defined] - every effect has a label
        self.world.later(self.world.rng.uniform(0.1, 5.0), host.boot)
        return True


def _some_node(mischief: Mischief) -> NodeHost:
    return mischief.world.rng.choice(list(mischief.world.nodes.values()))


def _crash_node(mischief: Mischief) -> None:
    host = _some_node(mischief)
    host.crash("by chance")
    mischief.world.later(mischief.world.rng.uniform(0.2, 20.0), host.boot)


def _crash_sentinel(mischief: Mischief) -> None:
    world = mischief.world
    host = world.rng.choice(list(world.sentinels.values()))
    host.crash("by chance")
    world.later(world.rng.uniform(0.2, 12.0), host.boot)


def _crash_many(mischief: Mischief) -> None:
    world = mischief.world
    everybody: list[Host] = [*world.nodes.values(), *world.sentinels.values()]
    for host in everybody:
        if world.rng.random() < 0.6:
            host.crash("with many others")
            world.later(world.rng.uniform(0.5, 10.0), host.boot)


def _partition(mischief: Mischief) -> None:
    world = mischief.world
    names = [*world.nodes, *world.sentinels]
    side = {name for name in names if world.rng.random() < 0.5}
    _cut(world, [(a, b) for a in side for b in names if b not in side], both=True)


def _block_one_way(mischief: Mischief) -> None:
    world = mischief.world
    first, second = world.rng.sample([*world.nodes, *world.sentinels], 2)
    _cut(world, [(first, second)], both=False)


def _isolate_between_nodes(mischief: Mischief) -> None:
    world, host = mischief.world, _some_node(mischief)
    _cut(world, [(host.name, other) for other in world.nodes if other != host.name], both=True)


def _cut(world: World, pairs: list[tuple[str, str]], *, both: bool) -> None:
    pairs = pairs + [(b, a) for a, b in pairs] if both else pairs
    world.tell(f"nothing passes between {sorted(set(pairs))}")
    for pair in pairs:
        world.network.block(*pair)
    world.later(world.rng.uniform(1.0, 25.0), world.network.blocked.difference_update, pairs)


def _storm(mischief: Mischief) -> None:
    world, rng = mischief.world, mischief.world.rng
    world.network.weather = Weather(rng.uniform(0, 0.3), rng.uniform(0, 0.3), rng.choice([0.02, 0.2, 1.0]))
    world.tell(f"the network turns bad: {world.network.weather}")
    world.later(rng.uniform(2.0, 15.0), setattr, world.network, "weather", Weather())


def _sleep(mischief: Mischief) -> None:
    world = mischief.world
    everybody: list[Host] = [*world.nodes.values(), *world.sentinels.values()]
    host = world.rng.choice(everybody)
    if host.process is not None:
        host.process.asleep_until = world.now + world.rng.uniform(1.0, 15.0)
        world.tell(f"{host.name} sleeps until {host.process.asleep_until:.1f}")


def _fill_disk(mischief: Mischief) -> None:
    host = _some_node(mischief)
    mischief.world.tell(f"{host.name} has no disk space left")
    host.disk.is_full = True
    mischief.world.later(mischief.world.rng.uniform(1.0, 10.0), setattr, host.disk, "is_full", False)


def _rot(mischief: Mischief) -> None:
    host = _some_node(mischief)
    if host.disk.blobs and mischief.may_harm_disk():
        mischief.recovering = host
        digest = mischief.world.rng.choice(sorted(host.disk.blobs))
        mischief.world.rot(host, digest)


def _wipe(mischief: Mischief) -> None:
    mischief.wipe(_some_node(mischief), "by chance")


def _lie(mischief: Mischief) -> None:
    host = _some_node(mischief)
    host.lies = True
    mischief.world.tell(f"{host.name} serves wrong bytes")
    mischief.world.later(mischief.world.rng.uniform(1.0, 15.0), setattr, host, "lies", False)


def _two_faces(mischief: Mischief) -> None:
    """One node of a swarm is dishonest now and then; as it may claim to hold anything, no disk is lost beside it."""
    world = mischief.world
    if mischief.liar is None and not mischief.may_harm_disk():
        return
    host = mischief.liar = mischief.liar or _some_node(mischief)
    host.is_two_faced = True
    world.witness.harmed.add(host.name)
    world.tell(f"{host.name} is two-faced")
    world.later(world.rng.uniform(3.0, 20.0), setattr, host, "is_two_faced", False)


def _silence_register(mischief: Mischief) -> None:
    register = mischief.world.register
    register.silence = mischief.world.rng.uniform(0.1, 0.6)
    mischief.world.tell("the register forgets to answer")
    mischief.world.later(mischief.world.rng.uniform(1.0, 10.0), setattr, register, "silence", 0.0)


KINDS: Final[Mapping[str, Callable[[Mischief], None]]] = {
    "crash node": _crash_node,
    "crash sentinel": _crash_sentinel,
    "crash many": _crash_many,
    "partition": _partition,
    "block one way": _block_one_way,
    "isolate between nodes": _isolate_between_nodes,
    "storm": _storm,
    "sleep": _sleep,
    "fill disk": _fill_disk,
    "rot": _rot,
    "wipe": _wipe,
    "lie": _lie,
    "two faces": _two_faces,
    "silence register": _silence_register,
}
"""Every kind of harm by its name; a seed picks some of them."""
