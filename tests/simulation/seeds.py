"""One seed, one swarm, one history: what a seed means, and how it is judged.

A seed decides the swarm's shape and which faults it suffers. For a while everything goes wrong; then all
faults end, and the swarm must recover by itself: everybody catches up, and whatever was frozen is committed.
"""

from dataclasses import dataclass
from random import Random

from shoal_swarm.protocol.names import Digest
from tests.simulation.mischief import KINDS, Mischief
from tests.simulation.nemesis import NEMESES
from tests.simulation.network import Weather
from tests.simulation.node_host import NodeHost
from tests.simulation.payloads import Payloads
from tests.simulation.sentinel_host import SentinelHost
from tests.simulation.world import Shape, World

TROUBLE_S = 70.0
"""How long faults go on."""
CORE_S = 400.0
"""How long a healthy core may take to commit three rounds while everybody else stays broken."""
RECOVERY_S = 150.0
"""How long a healed swarm may take until everybody has caught up and all late work is committed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed stands for."""

    shape: Shape
    kinds: list[str]
    nemeses: list[str]
    every_s: float
    boundary_crashes: float

    def sentence(self) -> str:
        """The plan in a line."""
        return f"{self.shape}; every {self.every_s:.1f} s one of {self.kinds}; {self.nemeses}"


def plan_of(seed: int) -> Plan:
    """Swarm testing: each seed has its own few kinds of faults, so that they do not drown one another."""
    rng = Random(seed * 7919 + 1)  # noqa: S311 - seeded on purpose
    nodes = rng.choice([2, 3, 3, 3, 4, 4, 5])
    shape = Shape(
        nodes=nodes,
        sentinels=rng.choice([1, 1, 1, 2]),
        pieces=rng.randint(1, 6),
        owners_max=rng.randint(1, nodes),
        min_nodes=rng.randint(1, max(1, nodes - 1)),
        copies=rng.choice([1, 2, 2, 2]),
        needs_gram=rng.random() < 0.2,
        long_lists=rng.random() < 0.2,
        step_s=rng.choice([0.05, 0.1, 0.2]),
        uneven=rng.choice([1.0, 1.0, 3.0]),
        jitter=rng.choice([0.05, 0.3]),
    )
    return Plan(
        shape=shape,
        kinds=rng.sample(list(KINDS), rng.randint(1, 5)),
        nemeses=rng.sample(list(NEMESES), rng.randint(0, 3)),
        every_s=rng.choice([2.0, 4.0, 8.0]),
        boundary_crashes=rng.choice([0.0, 0.0, 0.0005, 0.003]),
    )


def run_seed(seed: int, *, story: bool = False, plan: Plan | None = None, payloads: Payloads | None = None) -> World:
    """Run a seed to its end; raises InvariantBroken at the first broken promise."""
    plan = plan or plan_of(seed)
    world = World(seed, plan.shape, payloads, story=story)
    world.tell(plan.sentence())
    try:
        live_through(world, plan)
    except Exception as problem:
        problem.world = world  # type: ignore[attr-defined] - the story travels with the failure
        raise
    return world


def live_through(world: World, plan: Plan) -> None:
    """Trouble, then recovery."""
    world.boot_all()
    mischief = Mischief(world, plan.kinds, plan.every_s, plan.boundary_crashes)
    for name in plan.nemeses:
        NEMESES[name](mischief)
    world.run_until(TROUBLE_S)
    mischief.heal()
    healed = Recovery(world)
    is_well = world.run_until(world.now + RECOVERY_S, healed.is_complete)
    world.tell(f"recovered: {is_well}; {healed.missing()}")
    world.invariants.made_progress(is_well, RECOVERY_S)
    world.witness.check_newest()


def run_core(seed: int, *, story: bool = False) -> bool:
    """After some trouble only a core is well, for ever: one sentinel, a quorum that can talk. It must go on alone.

    Everybody else stays as broken as can be: dead, cut off from other nodes while renewing its lease, heard in
    one direction only, asleep again and again, or lying. False if it could not, because more nodes are broken than
    the newest COMMIT has copies, and the core has none of them.
    """
    rng = Random(seed * 3571 + 9)  # noqa: S311 - seeded on purpose
    nodes = rng.randint(3, 5)
    shape = Shape(
        nodes=nodes,
        min_nodes=2,
        owners_max=rng.randint(1, nodes),
        pieces=rng.randint(1, 6),
        uneven=rng.choice([1.0, 2.0]),
    )
    world = World(seed, shape, story=story)
    world.boot_all()
    world.run_until(20.0)
    mischief = Mischief(world, rng.sample(list(KINDS), 3), 4.0, 0.0005)
    world.run_until(50.0)
    mischief.heal()
    core = rng.sample(list(world.nodes), 2)
    for name in world.nodes:
        if name not in core:
            _stay_broken(world, world.nodes[name], rng.choice(["dead", "alone", "deaf", "mute", "drowsy", "liar"]))
    goal = max(world.invariants.commits, default=-1) + 3
    try:
        is_well = world.run_until(world.now + CORE_S, lambda: max(world.invariants.commits, default=-1) >= goal)
        if is_well or has_newest(world, core):
            world.invariants.made_progress(is_well, CORE_S)
    except Exception as problem:
        problem.world = world  # type: ignore[attr-defined] - the story travels with the failure
        raise
    return is_well


def has_newest(world: World, core: list[str]) -> bool:
    """Whether the newest COMMIT lies whole within the core: it has so many copies, and may lose more nodes."""
    disks = [world.nodes[name].disk for name in core]
    pieces = world.witness.pieces_of(world.invariants.commits[max(world.invariants.commits)])
    return all(any(piece in disk.blobs and piece not in disk.rotten for disk in disks) for piece in pieces)


def _stay_broken(world: World, host: NodeHost, how: str) -> None:
    world.tell(f"{host.name} stays {how}")
    others = [name for name in world.nodes if name != host.name]
    if how == "dead":
        host.crash("for ever")
        host.is_dead = True
    if how in {"alone", "deaf"}:
        world.network.blocked.update((other, host.name) for other in others)
    if how in {"alone", "mute"}:
        world.network.blocked.update((host.name, other) for other in others)
    if how == "drowsy":
        _doze(world, host)
    host.lies = how == "liar"


def _doze(world: World, host: NodeHost) -> None:
    if host.process is not None:
        host.process.asleep_until = world.now + world.rng.uniform(1.0, 9.0)
    world.later(10.0, _doze, world, host)


def run_patience(seed: int, *, story: bool = False) -> World:
    """Only sentinels crash and sleep; then nobody may be left out and no attempt may be given up."""
    rng = Random(seed * 6151 + 5)  # noqa: S311 - seeded on purpose
    world = World(seed, Shape(nodes=rng.randint(3, 5), min_nodes=2), story=story)
    world.network.weather = Weather(delay_s=rng.choice([0.02, 0.05, 0.1]))
    world.boot_all()
    sentinel = world.sentinels["sentinel-1"]
    moment = 10.0
    while moment < TROUBLE_S:
        if rng.random() < 0.5:
            world.at(moment, sentinel.crash, "by chance")
            world.at(moment + rng.uniform(0.1, 8.0), sentinel.boot)
        else:
            world.at(moment, _put_to_sleep, sentinel, rng.uniform(2.0, 15.0))
        moment += rng.uniform(12.0, 24.0)
    try:
        world.run_until(TROUBLE_S + 20.0)
        for commit in world.invariants.commits.values():
            everybody = 1 if commit.round == 0 else world.shape.nodes
            cut = world.invariants.cuts[commit.round, commit.attempt]
            world.invariants.was_patient(commit.round, commit.attempt == 0 and len(cut.contributors) == everybody)
        world.invariants.made_progress(len(world.invariants.commits) > 4, TROUBLE_S)
    except Exception as problem:
        problem.world = world  # type: ignore[attr-defined] - the story travels with the failure
        raise
    return world


def run_poison(seed: int, *, story: bool = False) -> World:
    """One node contributes what can't be merged, now and then; its rounds go on without it and lose nothing."""
    rng = Random(seed * 2903 + 7)  # noqa: S311 - seeded on purpose
    nodes = rng.randint(3, 5)
    long_lists = rng.random() < 0.3
    world = World(seed, Shape(nodes=nodes, min_nodes=2, pieces=rng.randint(1, 6), long_lists=long_lists), story=story)
    world.boot_all()
    mischief = Mischief(
        world, rng.sample(["crash node", "crash sentinel", "storm", "sleep", "partition"], 2), 15.0, 0.0
    )
    culprit = rng.choice(list(world.nodes.values()))
    moment = 5.0
    while moment < TROUBLE_S:
        world.at(moment, setattr, culprit, "poisons", True)
        world.at(moment + rng.uniform(2.0, 6.0), setattr, culprit, "poisons", False)
        moment += rng.uniform(6.0, 15.0)
    try:
        world.run_until(TROUBLE_S)
        culprit.poisons = False
        mischief.heal()
        healed = Recovery(world)
        is_well = world.run_until(world.now + RECOVERY_S, healed.is_complete)
        world.tell(f"recovered: {is_well}; {healed.missing()}")
        world.invariants.made_progress(is_well, RECOVERY_S)
    except Exception as problem:
        problem.world = world  # type: ignore[attr-defined] - the story travels with the failure
        raise
    return world


def _put_to_sleep(host: SentinelHost, seconds: float) -> None:
    if host.process is not None:
        host.world.tell(f"{host.name} sleeps for {seconds:.1f} s")
        host.process.asleep_until = host.world.now + seconds


class Recovery:
    """What must happen after the faults have ended: everybody catches up and is heard, late work is committed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.goal = max(world.invariants.commits, default=-1) + 2
        self.due = {root for root in world.witness.frozen_at if root not in world.witness.excused}

    def unsettled(self) -> set[Digest]:
        """Contributions from the time of trouble that no COMMIT carries yet."""
        return {
            root for root in self.due if root not in self.world.invariants.committed_in
        } - self.world.witness.excused

    def behind(self) -> list[str]:
        """Nodes that have not applied what was committed since."""
        return [host.name for host in self.world.nodes.values() if host.disk.books.applied < self.goal]

    def unheard(self) -> set[str]:
        """Nodes that have been in no cut since: one that is slower than the others must not starve."""
        commits = [commit for commit in self.world.invariants.commits.values() if commit.round > self.goal - 2]
        cuts = [self.world.invariants.cuts[commit.round, commit.attempt] for commit in commits]
        return set(self.world.nodes) - {one.signed.manifest.node for cut in cuts for one in cut.contributors}

    def is_complete(self) -> bool:
        """Whether everything is as it should be."""
        return not self.behind() and not self.unsettled() and not self.unheard()

    def missing(self) -> str:
        """What is not, for the story."""
        late = [root.hex()[:6] for root in self.unsettled()]
        return f"goal round {self.goal}, behind {self.behind()}, unsettled {late}, in no cut {sorted(self.unheard())}"
