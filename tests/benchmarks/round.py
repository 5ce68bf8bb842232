"""Rounds of real processes: how long from the last node ready to the last node applied, and where the time goes.

    ready     every node has work to contribute          (training is not the swarm's time)
    open      the sentinel has opened the round
    frozen    every contribution is durable on its node
    cut       every owner has what it needs, and the set is decided
    merged    every owner has merged its share
    commit    every result is durable on enough nodes, and the round is committed
    applied   every node has the new adapter

The bound is what the wire alone would take: each node sends and receives 2·S·(N-1)/N bytes, S being the adapter
as it travels (int8). On loopback all processes share the cores of one machine, so the bound there is that of a
wire which nobody shares, and the ratio tells how far a machine is from a swarm. In namespaces each process has a
wire of its own, throttled to 100 Mbit/s. A star is the same run with a single owner a round.

In a swarm each node merges its share on a machine of its own; here all of them share the cores of one. An exact
merge of eight contributions of 16 MB takes some 15 seconds of CPU, so the wire is judged with factor-wise means,
and the exact merge is shown beside it.

    python -m tests.benchmarks.round [--quick] [--json FILE]
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from click import echo

from shoal_swarm.merge import plan_pieces
from shoal_swarm.peer.contributing import Assignment
from shoal_swarm.peer.synthetic import Synthetic, fit_of, synthetic_spec
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest
from shoal_swarm.service.run_config import synthetic_run
from tests.benchmarks.bench import Bench, cpu_s
from tests.benchmarks.wire import Town, start
from tests.live.lasting import SENTINEL, Lasting, options
from tests.live.network import Network, network
from tests.live.promises import Promises, events, rules_of
from tests.live.swarm import swarm

MB = 1e6
PHASES = ("ready", "open", "frozen", "cut", "merged", "commit", "applied")
NAMESPACE_BITS_PER_S = 100e6
PATIENCE_S = 900.0
CHEAP = "factor-mean"
"""What is merged with where the wire is to be judged."""
ROUNDS_MAX, ALL_OWN = 100_000, 1000
GOALS_S = {(3, 300_000): 0.15, (8, 300_000): 0.4}
WARM_UP_ROUNDS = 2
"""Round 0 publishes, and the next one dials the links that all later ones use."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One swarm to measure."""

    peers: int
    wire_bytes: int
    """The adapter as it travels."""
    rounds: int
    owners_max: int = ALL_OWN
    combine: str = "exact"

    @property
    def adapter_bytes(self) -> int:
        """The size to ask for, so that so many bytes travel."""
        asked = 4 * self.wire_bytes
        return int(asked * self.wire_bytes / _wire_bytes(asked))

    @property
    def bytes_per_node(self) -> float:
        """What a node sends in a round, and receives."""
        return 2 * self.wire_bytes * (self.peers - 1) / self.peers

    @property
    def name(self) -> str:
        """For tables."""
        star = ", star" if self.owners_max == 1 else ""
        combine = "" if self.combine == "exact" else f", {self.combine}"
        return f"{self.peers} peers, {self.wire_bytes / MB:g} MB{combine}{star}"


@dataclass(frozen=True)
class Measured:
    """What one swarm's rounds took."""

    total_s: float
    phases_s: Mapping[str, float]
    cpu_s_per_gb: float


def _wire_bytes(adapter_bytes: int) -> int:
    config = synthetic_run("demo", adapter_bytes, 1, 1)
    return fit_of(synthetic_spec(adapter_bytes), config.plan()).total_bytes


def _training_cpu_s(adapter_bytes: int) -> float:
    """What one made-up contribution costs, which is not the swarm's doing."""
    config, spec = synthetic_run("demo", adapter_bytes, 1, 1), synthetic_spec(adapter_bytes)
    maker = Synthetic("demo", "node-1", config.plan(), plan_pieces(spec))
    payloads = maker.contribution(Assignment(base=BEFORE_ROUND_ZERO, pieces=(), steps=0), lambda _: b"")
    base = {Digest(number.to_bytes(32)): payload for number, payload in enumerate(payloads)}
    began = time.process_time()
    maker.contribution(Assignment(base=0, pieces=tuple(base), steps=0), base.__getitem__)
    return time.process_time() - began


@contextmanager
def _running(shape: Shape, net: Network | None) -> Iterator[Lasting]:
    """The swarm, when its first rounds are over."""
    names = [SENTINEL, *(f"node-{number}" for number in range(1, shape.peers + 1))]
    hosts = {name: net.address(name) for name in names} if net else {}
    through = {name: net.through(name) for name in names} if net else {}
    run = (
        *options(str(shape.adapter_bytes), ROUNDS_MAX, shape.peers),
        "--owners-max",
        str(shape.owners_max),
        "--combine",
        shape.combine,
    )
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as place, swarm(Path(place), shape.peers, *run) as one:
        one.through = through
        made = Lasting(one, Promises(Path(place), rules_of(one.run)), hosts)
        made.start(SENTINEL)
        made.start(*names[1:])
        made.until(lambda: _least(made) >= WARM_UP_ROUNDS - 1, "warmed up", PATIENCE_S)
        yield made


def _least(one: Lasting) -> int:
    return min(one.applied(name) for name in one.nodes)


def measure(shape: Shape, net: Network | None = None) -> Measured:
    """What so many rounds of this swarm took."""
    with _running(shape, net) as one:
        pids = [process.popen.pid for process in one.alive.values()]
        cpu, first = sum(map(cpu_s, pids)), _least(one)
        one.until(lambda: _least(one) >= first + shape.rounds, "finished its rounds", PATIENCE_S)
        cpu, last = sum(map(cpu_s, pids)) - cpu, _least(one)
        moments = [_moments(one, number) for number in range(first + 1, last + 1)]
    spent = cpu - (last - first) * shape.peers * _training_cpu_s(shape.adapter_bytes)
    gigabytes = (last - first) * shape.peers * shape.bytes_per_node / 1e9
    phases = {after: median(one[after] - one[before] for one in moments) for before, after in pairwise(PHASES)}
    return Measured(median(one["applied"] - one["ready"] for one in moments), phases, spent / gigabytes)


def _moments(one: Lasting, round_index: int) -> dict[str, float]:
    """When a round came to each phase, on the clock that all processes of a machine share."""

    def last(names: Sequence[str], event: str, **facts: object) -> float:
        stamps = [
            datetime.fromisoformat(found["timestamp"]).timestamp()
            for name in names
            for found in events(one.log(name), event)
            if found["round"] == round_index and facts.items() <= found.items()
        ]
        return max(stamps)

    return {
        "ready": last(one.nodes, "contribution_offered"),
        "open": last([SENTINEL], "record_written", phase="OPEN"),
        "frozen": last(one.nodes, "contribution_frozen"),
        "cut": last([SENTINEL], "record_written", phase="CUT"),
        "merged": last(one.nodes, "share_merged"),
        "commit": last([SENTINEL], "record_written", phase="COMMITTED"),
        "applied": last(one.nodes, "round_applied"),
    }


def added_by_kills_s() -> list[float]:
    """What kill -9 of a peer, and of the sentinel, adds to the round that it hits."""
    added = []
    with _running(Shape(peers=3, wire_bytes=300_000, rounds=1), None) as one:
        one.settle(4)
        for name in ("node-2", SENTINEL):
            began = datetime.now(UTC)
            one.kill(name)
            one.start(name)
            one.settle()
            added.append(one.longest_s(began) - one.usual_s())
    return added


def loopback_bytes_per_s(mib: int) -> float:
    """What one verified bulk transfer moves here between two processes."""
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as place:
        way = start("bulk", Town(Path(place)), Path(place))
        try:
            way.order("send", mib)
            return mib * (1 << 20) / way.order("send", mib)
        finally:
            way.stop()


def namespace_bytes_per_s(net: Network, mib: int = 8) -> float:
    """What TCP moves through one throttled wire."""
    sink = "import socket as s\nl = s.create_server(('', 5)); print(flush=True); c = l.accept()[0]\n"
    sink += "while c.recv(1 << 20): pass\nprint(flush=True)"
    source = "import socket as s, sys\nc = s.create_connection((sys.argv[1], 5))\n"
    source += f"c.sendall(bytes({mib} << 20)); c.shutdown(s.SHUT_WR)"
    first, second = net.names[1:3]
    command = [*net.through(first), sys.executable, "-c", sink]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as taking:
        assert taking.stdout is not None
        taking.stdout.readline()
        began = time.perf_counter()
        subprocess.run([*net.through(second), sys.executable, "-c", source, net.address(first)], check=True)
        taking.stdout.readline()
        return mib * (1 << 20) / (time.perf_counter() - began)


def report(bench: Bench, where: str, shape: Shape, found: Measured, bytes_per_s: float) -> None:
    """One swarm's line in words, and its figures."""
    ratio = found.total_s / (shape.bytes_per_node / bytes_per_s)
    phases = "  ".join(f"{name} {seconds * 1e3:.0f}" for name, seconds in found.phases_s.items())
    echo(f"  {where}, {shape.name}: {found.total_s:.3f} s = {ratio:.2f} times the bound;  ms to {phases}")
    name = f"{where}, {shape.name}"
    bench.figures += [
        {"name": name, "value": found.total_s, "unit": "s", "phases_s": found.phases_s, "of_bound": ratio},
        {"name": f"{name}, CPU", "value": found.cpu_s_per_gb, "unit": "s/GB"},
    ]


def on_loopback(bench: Bench, shapes: Sequence[Shape]) -> None:
    """Every swarm on this machine's loopback, and the goals that are set there."""
    bytes_per_s = loopback_bytes_per_s(16 if bench.quick else 128)
    bench.figure("bulk between two processes on loopback", bytes_per_s / MB, "MB/s")
    for shape in shapes:
        found = measure(shape)
        report(bench, "loopback", shape, found, bytes_per_s)
        goal = GOALS_S.get((shape.peers, shape.wire_bytes)) if shape.owners_max > 1 else None
        if goal is not None:
            bench.goal(f"loopback, {shape.name}, s", found.total_s, "<=", goal)


def in_namespaces(bench: Bench, peers: int, wire_bytes: int, rounds: int) -> None:
    """A swarm and its star, each process with a wire of its own."""
    names = [SENTINEL, *(f"node-{number}" for number in range(1, peers + 1))]
    with network(*names) as net:
        for name in names:
            net.throttle(name, NAMESPACE_BITS_PER_S)
        bytes_per_s = namespace_bytes_per_s(net)
        bench.figure("TCP through a wire of 100 Mbit/s", bytes_per_s / MB, "MB/s")
        took = {}
        ways = [(ALL_OWN, CHEAP, rounds), (1, CHEAP, 1), (ALL_OWN, "exact", 1)]
        for owners_max, combine, times in ways[: 2 if bench.quick else 3]:
            shape = Shape(peers=peers, wire_bytes=wire_bytes, rounds=times, owners_max=owners_max, combine=combine)
            found = measure(shape, net)
            report(bench, "100 Mbit/s", shape, found, bytes_per_s)
            took[owners_max, combine] = found.total_s, found.total_s / (shape.bytes_per_node / bytes_per_s)
    if not bench.quick:  # there the adapter is too small to say anything about the wire
        name = f"100 Mbit/s, {peers} peers, {wire_bytes / MB:g} MB"
        bench.goal(f"{name}, times the bound", took[ALL_OWN, CHEAP][1], "<=", 1.5)
        bench.goal(f"{name}, star : swarm", took[1, CHEAP][0] / took[ALL_OWN, CHEAP][0], ">=", 3)


def main() -> None:
    """Measure rounds."""
    bench = Bench.from_command_line("rounds of real processes")
    sizes = {300_000: 12, 1_000_000: 8, 16_000_000: 3, 64_000_000: 2}
    shapes = [
        Shape(peers=peers, wire_bytes=size, rounds=rounds, owners_max=owners)
        for peers in (3, 8, 16)
        for size, rounds in sizes.items()
        for owners in (ALL_OWN, 1)
    ]
    if bench.quick:
        shapes = [Shape(peers=peers, wire_bytes=300_000, rounds=6) for peers in (3, 8)]
    on_loopback(bench, shapes)
    try:
        in_namespaces(bench, *((3, 1_000_000, 2) if bench.quick else (8, 16_000_000, 4)))
    except pytest.skip.Exception as reason:
        echo(f"  namespaces are left out: {reason}")
    bench.goal("a kill adds, s", max(added_by_kills_s()), "<=", 5)
    bench.finish()


if __name__ == "__main__":
    main()
