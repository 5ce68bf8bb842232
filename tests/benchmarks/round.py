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
merge of eight contributions of 16 MB takes some 15 seconds of CPU, so the wire is judged with factor-wise means.

The whole grid is 3, 8 and 16 peers, times adapters of 0.3 to 64 MB, times loopback and namespaces, each beside its
star; the exact merge is shown where adapters are small. Cells come in the order of their cost. One that does not come
to its first round in time is said to be left out, and so is all that `--minutes` have no room for.

    python -m tests.benchmarks.round [--quick] [--minutes M] [--json FILE]
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest
from click import echo

from tests.benchmarks.bench import Bench
from tests.benchmarks.one_swarm import ALL_OWN, CHEAP, MB, Measured, Shape, measure, running
from tests.benchmarks.wire import Town, start
from tests.live.lasting import SENTINEL
from tests.live.network import Network, network

NAMESPACE_BITS_PER_S = 100e6
GOALS_S = {(3, 300_000): 0.15, (8, 300_000): 0.4}
PEERS, ROUNDS_BY_SIZE = (3, 8, 16), {300_000: 12, 1_000_000: 8, 16_000_000: 3, 64_000_000: 2}
JUDGED_PEERS, JUDGED_BYTES = 8, 16_000_000
"""The cell by which the wire is judged."""
SMALL_BYTES_MAX = 1_000_000
"""Larger adapters are merged with factor-wise means only, and come last."""
QUICK_S, FULL_S = 52.0, 6 * 3600.0
"""All cells together, after which nothing new begins and what runs is ended."""
CELL_S, CELL_S_QUICK = 300.0, 20.0
"""One cell, with the start of its processes and its first rounds."""
ROUNDS_S, ROUNDS_S_QUICK = 60.0, 4.0
"""What is measured of it, though always one round."""
_WHOLE_ROUNDS = 3
"""The fewest that a cell goes through: two to warm up, and one that is measured."""


class TimeIsOverError(Exception):
    """What was to be measured took too long."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Whatever goes on inside is broken off after so many seconds, with `TimeIsOverError`."""

    def break_off(_signal: int, _frame: FrameType | None) -> None:
        raise TimeIsOverError

    before = signal.signal(signal.SIGALRM, break_off)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Grid:
    """Cells one after the other, as far as time goes."""

    def __init__(self, bench: Bench, seconds: float) -> None:
        self._bench, self._ends_at = bench, time.monotonic() + seconds
        self._cell_s, self._rounds_s = (CELL_S_QUICK, ROUNDS_S_QUICK) if bench.quick else (CELL_S, ROUNDS_S)

    @property
    def left_s(self) -> float:
        """How much time is left."""
        return self._ends_at - time.monotonic()

    def cell(self, where: str, shape: Shape, bytes_per_s: float, net: Network | None = None) -> Measured | None:
        """Measure one swarm and show it; None where that takes too long."""
        name = f"{where}, {shape.name}"
        least_s = _WHOLE_ROUNDS * shape.busiest_bytes / bytes_per_s if net else 0.0
        room_s = min(self._cell_s, self.left_s)
        if room_s <= 0:
            echo(f"  {name}: left out, for the time is over")
            return None
        if least_s > room_s:
            echo(f"  {name}: left out, for its wire alone needs {least_s:.0f} s and there are {room_s:.0f} s")
            return None
        try:
            with at_most(room_s):
                found = measure(shape, net, self._rounds_s)
        except TimeIsOverError:
            echo(f"  {name}: left out, it was not through within {room_s:.0f} s")
            return None
        report(self._bench, where, shape, found, bytes_per_s)
        return found


def added_by_kills_s() -> list[float]:
    """What kill -9 of a peer, and of the sentinel, adds to the round that it hits."""
    added = []
    with running(Shape(peers=3, wire_bytes=300_000, rounds=1), None) as one:
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
    rounds = "1 round" if found.rounds == 1 else f"{found.rounds} rounds"
    echo(f"  {where}, {shape.name}: {found.total_s:.3f} s = {ratio:.2f} times the bound ({rounds});  ms to {phases}")
    name = f"{where}, {shape.name}"
    facts = {"phases_s": found.phases_s, "of_bound": ratio, "rounds": found.rounds}
    bench.figures += [
        {"name": name, "value": found.total_s, "unit": "s", **facts},
        {"name": f"{name}, CPU", "value": found.cpu_s_per_gb, "unit": "s/GB"},
    ]


def on_loopback(bench: Bench, grid: Grid, shapes: Sequence[Shape], bytes_per_s: float) -> None:
    """Swarms on this machine's loopback, and the goals that are set there."""
    for shape in shapes:
        found = grid.cell("loopback", shape, bytes_per_s)
        goal = GOALS_S.get((shape.peers, shape.wire_bytes)) if shape.owners_max > 1 else None
        if found is not None and goal is not None and shape.combine == "exact":
            bench.goal(f"loopback, {shape.name}, s", found.total_s, "<=", goal)


def in_namespaces(bench: Bench, grid: Grid, shapes: Sequence[Shape]) -> None:
    """Swarms whose every process has a wire of its own, and the goals for the cell by which wires are judged."""
    names = [SENTINEL, *(f"node-{number}" for number in range(1, 1 + max(shape.peers for shape in shapes)))]
    with network(*names) as net:
        for name in names:
            net.throttle(name, NAMESPACE_BITS_PER_S)
        bytes_per_s = namespace_bytes_per_s(net)
        bench.figure("TCP through a wire of 100 Mbit/s", bytes_per_s / MB, "MB/s")
        took: dict[int, float] = {}
        for shape in shapes:
            found = grid.cell("100 Mbit/s", shape, bytes_per_s, net)
            if found is not None and (shape.peers, shape.wire_bytes) == (JUDGED_PEERS, JUDGED_BYTES):
                took[shape.owners_max] = found.total_s
    judged = Shape(peers=JUDGED_PEERS, wire_bytes=JUDGED_BYTES, rounds=1, combine=CHEAP)
    if ALL_OWN in took:
        ratio = took[ALL_OWN] / (judged.bytes_per_node / bytes_per_s)
        bench.goal(f"100 Mbit/s, {judged.name}, times the bound", ratio, "<=", 1.5)
    if len(took) > 1:
        bench.goal(f"100 Mbit/s, {judged.name}, star : swarm", took[1] / took[ALL_OWN], ">=", 3)


def whole_grid(*, exact: bool) -> list[Shape]:
    """Every cell with its star, the cheap ones first; small adapters are merged exactly where that is asked for."""
    cells = sorted((peers * size, peers, size) for peers in PEERS for size in ROUNDS_BY_SIZE)
    return [
        Shape(
            peers=peers,
            wire_bytes=size,
            rounds=ROUNDS_BY_SIZE[size],
            owners_max=owners,
            combine=_combine(size, exact=exact),
        )
        for _, peers, size in cells
        for owners in (ALL_OWN, 1)
    ]


def _combine(size: int, *, exact: bool) -> str:
    return "exact" if exact and size <= SMALL_BYTES_MAX else CHEAP


def judged_first(shapes: Sequence[Shape]) -> list[Shape]:
    """The same, with the cell by which wires are judged before the others."""
    return sorted(shapes, key=lambda one: (one.peers, one.wire_bytes) != (JUDGED_PEERS, JUDGED_BYTES))


def main() -> None:
    """Measure rounds."""
    parser = argparse.ArgumentParser(description="rounds of real processes")
    parser.add_argument("--quick", action="store_true", help="a few small cells; ends within a minute")
    parser.add_argument("--minutes", type=float, metavar="M", help="begin nothing new after so many minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and goals to FILE")
    given = parser.parse_args()
    bench = Bench.begun("rounds of real processes", quick=given.quick, json_file=given.json)
    grid = Grid(bench, QUICK_S if given.quick else FULL_S if given.minutes is None else 60 * given.minutes)
    loopback, throttled = whole_grid(exact=True), judged_first(whole_grid(exact=False))
    if given.quick:
        loopback = [Shape(peers=peers, wire_bytes=300_000, rounds=12) for peers in (3, 8)]
        throttled = [
            Shape(peers=3, wire_bytes=1_000_000, rounds=4, owners_max=owners, combine=CHEAP) for owners in (ALL_OWN, 1)
        ]
    bytes_per_s = loopback_bytes_per_s(16 if bench.quick else 128)
    bench.figure("bulk between two processes on loopback", bytes_per_s / MB, "MB/s")
    on_loopback(bench, grid, [shape for shape in loopback if shape.wire_bytes <= SMALL_BYTES_MAX], bytes_per_s)
    try:
        with at_most(grid.left_s):
            bench.goal("a kill adds, s", max(added_by_kills_s()), "<=", 5)
    except TimeIsOverError:
        echo("  kills: left out, for lack of time")
    try:
        in_namespaces(bench, grid, throttled)
    except pytest.skip.Exception as reason:
        echo(f"  namespaces are left out: {reason}")
    on_loopback(bench, grid, [shape for shape in loopback if shape.wire_bytes > SMALL_BYTES_MAX], bytes_per_s)
    bench.finish()


if __name__ == "__main__":
    main()
