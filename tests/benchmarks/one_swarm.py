"""One swarm of real processes to be measured: its shape, and what its rounds took, phase by phase."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from shoal_swarm.merge import plan_pieces
from shoal_swarm.peer.contributing import Assignment
from shoal_swarm.peer.synthetic import Synthetic, fit_of, synthetic_spec
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest
from shoal_swarm.service.run_config import synthetic_run
from tests.benchmarks.bench import cpu_s
from tests.live.lasting import SENTINEL, Lasting, options
from tests.live.network import Network
from tests.live.promises import Promises, events, rules_of
from tests.live.swarm import swarm

MB = 1e6
PHASES = ("ready", "open", "frozen", "cut", "merged", "commit", "applied")
PATIENCE_S = 900.0
CHEAP = "factor-mean"
"""What is merged with where the wire is to be judged."""
ROUNDS_MAX, ALL_OWN = 100_000, 1000
WARM_UP_ROUNDS = 2
"""Round 0 publishes, and the next one dials the links that all later ones use."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One swarm to measure."""

    peers: int
    wire_bytes: int
    """The adapter as it travels."""
    rounds: int
    """So many are measured, or fewer where time is short."""
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
    def busiest_bytes(self) -> float:
        """What goes in or out of a node that owns pieces, inputs first and then results."""
        return 2 * self.wire_bytes * (self.peers - 1) / min(self.owners_max, self.peers)

    @property
    def name(self) -> str:
        """For tables."""
        star = ", star" if self.owners_max == 1 else ""
        combine = "" if self.combine == "exact" else f", {self.combine}"
        return f"{self.peers} peers, {self.wire_bytes / MB:g} MB{combine}{star}"


@dataclass(frozen=True)
class Measured:
    """What one swarm's rounds took."""

    rounds: int
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
def running(shape: Shape, net: Network | None) -> Iterator[Lasting]:
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
    with TemporaryDirectory(prefix="shoal-bench-") as place, swarm(Path(place), shape.peers, *run) as one:
        one.through = through
        made = Lasting(one, Promises(Path(place), rules_of(one.run)), hosts)
        made.start(SENTINEL)
        made.start(*names[1:])
        made.until(lambda: _least(made) >= WARM_UP_ROUNDS - 1, "warmed up", PATIENCE_S)
        yield made


def _least(one: Lasting) -> int:
    return min(one.applied(name) for name in one.nodes)


def measure(shape: Shape, net: Network | None = None, seconds_max: float = PATIENCE_S) -> Measured:
    """What rounds of this swarm took: at least one, and no further one once so many seconds are over."""
    with running(shape, net) as one:
        pids = [process.popen.pid for process in one.alive.values()]
        cpu, first = sum(map(cpu_s, pids)), _least(one)
        ends_at = time.monotonic() + seconds_max

        def is_enough() -> bool:
            return _least(one) >= first + (1 if time.monotonic() > ends_at else shape.rounds)

        one.until(is_enough, "finished its rounds", PATIENCE_S)
        cpu, last = sum(map(cpu_s, pids)) - cpu, _least(one)
        moments = [_moments(one, number) for number in range(first + 1, last + 1)]
    spent = cpu - (last - first) * shape.peers * _training_cpu_s(shape.adapter_bytes)
    gigabytes = (last - first) * shape.peers * shape.bytes_per_node / 1e9
    phases = {after: median(one[after] - one[before] for one in moments) for before, after in pairwise(PHASES)}
    return Measured(len(moments), median(one["applied"] - one["ready"] for one in moments), phases, spent / gigabytes)


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
