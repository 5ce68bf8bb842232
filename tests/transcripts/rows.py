"""The crash table: for every party, a crash or failure at every point that matters, and what must come of it.

Each row is a quiet swarm of three nodes in which exactly one thing goes wrong. Its story is a file that a
person can read: what was decided, what fell, what came back, and what the party that was hit did, effect by
effect. `python -m tests.transcripts` rewrites the files; a changed file is to be read, not waved through.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from shoal_swarm.protocol.decisions import Committed, CutMade, Decision
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.restore import restored
from tests.simulation.nemesis import crash_once
from tests.simulation.node_host import NodeHost
from tests.simulation.world import Host, Shape, World

BEGIN_S = 12.0
END_S = 45.0
STORY_S = 9.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the crash table."""

    title: str
    consequence: str
    mechanism: str
    happens: Callable[[World], None]
    shape: Shape = field(default_factory=lambda: Shape(uneven=1.5))
    story_s: float = STORY_S
    attempt_max: int = 1


def _at(label: str, after: bool = False, down_s: float = 1.5) -> Callable[[World], None]:
    return lambda world: world.later(BEGIN_S, crash_once, world, label, 1, after, down_s)


def _while_training(world: World) -> None:
    def strike(decision: Decision) -> None:
        if isinstance(decision, Committed) and world.now > BEGIN_S and world.nodes[NodeName("node-1")].boots == 1:
            world.later(0.9, world.nodes[NodeName("node-1")].crash, "while training")
            world.later(1.4, world.nodes[NodeName("node-1")].boot)

    world.on_entry.append(strike)


def _once_at_cut(world: World, strike: Callable[[str], None]) -> None:
    """Call with the owner's name right after the first cut past the beginning."""
    done: list[bool] = []

    def watch(decision: Decision) -> None:
        record = world.register.record
        if isinstance(decision, CutMade) and world.now > BEGIN_S and not done and record is not None:
            done.append(True)
            strike(record.shares[0].owner)

    world.on_entry.append(watch)


def _all_chunks_delivered(world: World) -> None:
    _once_at_cut(world, lambda owner: _fell(world, _other_than(world, owner), 0.0, 1.0, "after all its chunks arrived"))


def _owner_gone_for_good(world: World) -> None:
    def strike(owner: str) -> None:
        others = [(name, owner) for name in world.nodes if name != owner]
        world.network.blocked.update(others)
        world.later(1.0, world.wipe, world.nodes[NodeName(owner)], "it alone held its result")
        world.later(1.0, world.network.blocked.difference_update, others)
        world.later(9.0, world.nodes[NodeName(owner)].boot)

    _once_at_cut(world, strike)


def _owner_lies(world: World) -> None:
    def strike(owner: str) -> None:
        world.tell(f"{owner} serves wrong bytes")
        world.nodes[NodeName(owner)].lies = True
        world.later(10.0, setattr, world.nodes[NodeName(owner)], "lies", False)

    _once_at_cut(world, strike)


def _other_than(world: World, owner: str) -> NodeHost:
    return next(host for name, host in world.nodes.items() if name != owner)


def _fell(world: World, host: Host, wait_s: float, down_s: float, why: str) -> None:
    world.later(wait_s, host.crash, why)
    world.later(wait_s + down_s, host.boot)


def _sentinel_away(world: World) -> None:
    _fell(world, world.sentinels["sentinel-1"], BEGIN_S, 12.0, "for twelve seconds")


def _register_wiped(world: World) -> None:
    def wipe() -> None:
        world.sentinels["sentinel-1"].crash("with the register's disk")

    def mend() -> None:
        record, entries = restored({name: host.disk.ledger for name, host in world.nodes.items()}, world.verify)
        world.register.record, world.register.ledger = record, list(entries)
        world.register.members.clear()
        world.tell(f"an operator restores the register from nodes' ledgers: {len(entries)} entries")
        world.sentinels["sentinel-1"].boot()

    world.later(BEGIN_S, wipe)
    world.later(BEGIN_S + 4.0, mend)


def _minority(world: World) -> None:
    rest = [name for name in (*world.nodes, *world.sentinels) if name != "node-3"]
    pairs = [pair for name in rest for pair in (("node-3", name), (name, "node-3"))]
    world.later(BEGIN_S, world.tell, "node-3 is cut off from everybody")
    world.later(BEGIN_S, world.network.blocked.update, pairs)
    world.later(BEGIN_S + 14.0, world.network.blocked.difference_update, pairs)
    world.later(BEGIN_S + 14.0, world.tell, "node-3 is connected again")


def _one_way(world: World) -> None:
    world.later(BEGIN_S, world.tell, "nothing passes from node-1 to node-2")
    world.later(BEGIN_S, world.network.block, "node-1", "node-2")
    world.later(BEGIN_S + 14.0, world.network.blocked.discard, ("node-1", "node-2"))


def _disk_full(world: World) -> None:
    disk = world.nodes[NodeName("node-2")].disk
    world.later(BEGIN_S, world.tell, "node-2 has no disk space left")
    world.later(BEGIN_S, setattr, disk, "is_full", True)
    world.later(BEGIN_S + 4.0, setattr, disk, "is_full", False)
    world.later(BEGIN_S + 4.0, world.tell, "node-2 has disk space again")


def _sleep(world: World) -> None:
    def doze() -> None:
        for host in (world.sentinels["sentinel-1"], world.nodes[NodeName("node-3")]):
            if host.process is not None:
                host.process.asleep_until = BEGIN_S + 9.0
                world.tell(f"{host.name} is paused for nine seconds")

    world.later(BEGIN_S, doze)


def _everybody(world: World) -> None:
    for host in (*world.sentinels.values(), *world.nodes.values()):
        _fell(world, host, BEGIN_S + 1.0, world.rng.uniform(2.0, 4.0), "with everybody else: no power")


ROWS: dict[str, Row] = {
    "peer while training": Row(
        "A peer crashes while training",
        "The unfrozen work of this round is done again; the round waits until its deadline at most.",
        "Nothing had left the node; it trains from the last COMMIT again.",
        _while_training,
    ),
    "peer after freeze, before the books": Row(
        "A peer crashes after its contribution's bytes are durable and before the books name it",
        "Nobody has heard of the contribution; a new one is frozen.",
        "Frozen before announced: the books are synced before the first message.",
        _at("peer writes books: frozen"),
    ),
    "peer after announcing": Row(
        "A peer crashes right after it announced its contribution",
        "It returns and announces the same root, or is left out and folds its work in.",
        "The books and the bytes were durable before; everything is identified by its root.",
        _at("peer sends Contribution", after=True),
    ),
    "peer after all chunks": Row(
        "A peer crashes after owners have all its chunks",
        "The round is committed with its contribution; on return the ledger shows its root and it forgets it.",
        "Inclusion is decided by root.",
        _all_chunks_delivered,
        Shape(uneven=1.5, owners_max=1),
    ),
    "peer after COMMIT, before applying": Row(
        "A peer crashes when it knows the COMMIT and has not entered it in its books",
        "It applies the COMMIT after its start.",
        "Ledger and results are on its disk, and on others'.",
        _at("peer writes books: applied"),
    ),
    "peer while applying": Row(
        "A peer crashes while it writes the books of a COMMIT",
        "Either page counts; applying again changes nothing.",
        "A torn page fails its checksum and the one before it counts.",
        _at("peer writes books: applied", after=True),
    ),
    "owner before HAVE": Row(
        "An owner crashes before it reports what it has",
        "It fetches its inputs again, or another attempt finds another owner.",
        "Contributions are frozen and can be fetched again.",
        _at("peer sends Have", down_s=9.0),
    ),
    "owner after CUT, before its result": Row(
        "An owner crashes after CUT and before its result",
        "The same round is tried again with other owners.",
        "Nothing of an attempt counts before COMMIT.",
        _at("peer merges share", down_s=9.0),
    ),
    "owner with the only copy": Row(
        "An owner publishes its result, and its disk is lost before anybody else holds it",
        "There is no COMMIT; the round is tried again.",
        "COMMIT needs every result on two disks.",
        _owner_gone_for_good,
        Shape(nodes=4, owners_max=1),
        story_s=11.0,
    ),
    "owner lies": Row(
        "An owner serves other bytes than it published",
        "Nobody takes them; the round is tried again with other owners.",
        "Everything is fetched by hash.",
        _owner_lies,
        Shape(nodes=4, owners_max=1),
        attempt_max=2,
    ),
    "sentinel before its write": Row(
        "The sentinel crashes before it writes COMMIT",
        "Its successor hears everything again and writes it.",
        "Only the register knows decisions; nodes repeat what they hold.",
        _at("sentinel writes Committed"),
    ),
    "sentinel after its write": Row(
        "The sentinel crashes after it wrote COMMIT and before it told anybody",
        "Its successor reads the record and tells everybody.",
        "The ledger is the only source; a lease shows what a node lacks.",
        _at("sentinel writes Committed", after=True),
    ),
    "all sentinels down": Row(
        "No sentinel for twelve seconds",
        "Trainers go on to the drift cap; then the round is committed as if nothing had been.",
        "A starting sentinel judges nobody for two lease times.",
        _sentinel_away,
        story_s=21.0,
    ),
    "register's disk lost": Row(
        "The register's disk is lost",
        "An operator restores it from nodes' ledgers; the run goes on.",
        "The record is the ledger folded up.",
        _register_wiped,
        story_s=18.0,
    ),
    "minority partition": Row(
        "A node is cut off from everybody",
        "The others go on without it; it trains to the drift cap, catches up and folds its work in.",
        "Quorum; catching up by hash; nothing frozen is forgotten.",
        _minority,
        story_s=21.0,
        attempt_max=2,
    ),
    "one-way link": Row(
        "A link works in one direction only",
        "What its owner can't fetch is left out and folded in later, or other owners are chosen.",
        "Uniform cut: only what every owner has.",
        _one_way,
        story_s=12.0,
        attempt_max=2,
    ),
    "disk full": Row(
        "A node's disk is full",
        "It stops and says so; it comes back when there is space, and nothing is lost.",
        "A failed sync is fatal: nothing is acknowledged after it.",
        _disk_full,
    ),
    "paused machines": Row(
        "The sentinel's machine and a node's are paused",
        "Nobody is condemned for what could not be heard.",
        "Leases and deadlines stand still while the judge sleeps.",
        _sleep,
        story_s=20.0,
    ),
    "no power anywhere": Row(
        "Everybody is without power at once",
        "The same round goes on with the same contributions.",
        "Books, blobs, ledger and register are durable.",
        _everybody,
        story_s=20.0,
    ),
}
"""Every row by the name of its file."""
