"""A swarm that lives long and through a lot: whoever goes is started again, and in the end every promise is checked."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from shutil import rmtree
from statistics import median
from time import monotonic, sleep
from typing import Any

from tests.live.promises import Promises, events, rules_of
from tests.live.swarm import LISTENS, PATIENCE_S, READY, Process, Swarm, swarm

POLL_S = 0.02
SENTINEL = "sentinel"


def options(size: str = "20K", rounds: int = 100_000, min_nodes: int = 2) -> tuple[str, ...]:
    """A run; with that many rounds it ends when the test ends it."""
    return ("--run", "demo", "--synthetic", size, "--rounds", str(rounds), "--min-nodes", str(min_nodes))


@dataclass
class Lasting:
    """One swarm, its processes now, and what was seen of it so far."""

    swarm: Swarm
    promises: Promises
    hosts: Mapping[str, str]
    """Where each process may listen, by its name; on this machine's loopback unless said otherwise."""
    alive: dict[str, Process] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """Where each listens: others know it by that address for as long as a round lasts."""
    adapters: dict[int, str] = field(default_factory=dict)

    @property
    def nodes(self) -> list[str]:
        """Everybody who is there now, but the sentinel."""
        return sorted(set(self.alive) - {SENTINEL})

    def start(self, *names: str) -> None:
        """Start processes side by side, each where it was before; they listen when this returns."""
        for name in names:
            place = self.places.get(name, f"{self.hosts.get(name, '127.0.0.1')}:0")
            if name == SENTINEL:
                host, _, port = place.rpartition(":")
                which = ["--host-ip", host, "--port", port]
                self.alive[name] = self.swarm.start(name, "sentinel", *self.swarm.run, *which, *self.swarm.keys(name))
            else:
                self.alive[name] = self.swarm.peer(int(name.rpartition("-")[2]), self.places[SENTINEL], place)
        for name in names:
            self.places[name] = self.alive[name].wait_for(READY if name == SENTINEL else LISTENS)[1]

    def kill(self, name: str) -> None:
        """Kill a process, and look at what it leaves behind."""
        self.alive[name].end(signal.SIGKILL)
        self.bury(name)

    def bury(self, name: str) -> None:
        """A process was killed: note what it said, and look at its disk."""
        process = self.alive.pop(name)
        assert process.wait() == -signal.SIGKILL, process.story()
        if name != SENTINEL:
            self.note(process)
            self.promises.look_at(name)

    def wipe(self, name: str) -> None:
        """The disk of a node whose process is gone is lost."""
        self.promises.lost_disk(name)
        rmtree(self.swarm.folder / "home/state/demo/demo" / name)

    def applied(self, name: str) -> int:
        """The newest round that a process has applied since its start."""
        return max((-1, *self.alive[name].adapters()))

    def newest(self) -> int:
        """The newest round that anybody has applied."""
        return max(self.applied(name) for name in self.nodes)

    def settle(self, rounds: int = 2, nodes: Sequence[str] = ()) -> None:
        """Wait until everybody, or these, have applied so many rounds beyond the newest of now."""
        who = nodes or self.nodes
        goal = self.newest() + rounds
        self.until(lambda: all(self.applied(name) >= goal for name in who), f"came to round {goal}")

    def until(self, is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        """Wait for something; the story of everybody if it does not happen."""
        deadline = monotonic() + seconds
        while not is_so():
            assert monotonic() < deadline, f"never {what}:\n" + "\n".join(p.story() for p in self.alive.values())
            sleep(POLL_S)

    def note(self, process: Process) -> None:
        """Whatever adapters a process had, everybody else had the same."""
        for round_index, adapter in process.adapters().items():
            assert self.adapters.setdefault(round_index, adapter) == adapter, f"{process.name}, round {round_index}"

    def end(self) -> None:
        """Stop everybody and hold the promises against all that was written."""
        self.settle()
        names = self.nodes
        for name in (*names, SENTINEL):
            assert self.alive[name].end() == 0, self.alive[name].story()
        for name in names:
            self.note(self.alive[name])
            self.promises.look_at(name)
        assert self.promises.nothing_is_lost(names) > 0
        for round_index, adapter in self.adapters.items():
            assert adapter == self.promises.adapter(round_index), f"round {round_index}"

    def contributors(self, round_index: int) -> list[str]:
        """Whose work a committed round brought."""
        self.promises.look()
        commit = self.promises.seen.commits[round_index]
        cut = self.promises.seen.cuts[commit.round, commit.attempt]
        return sorted(str(one.signed.manifest.node) for one in cut.contributors)

    def until_all_are_in(self) -> None:
        """Wait until the newest round has everybody's work in it."""

        def are_in() -> bool:
            self.promises.look()
            return self.contributors(max(self.promises.seen.commits)) == self.nodes

        self.until(are_in, "had everybody in a round")

    def run_facts(self) -> dict[str, Any]:
        """What `shoal status` shows about the run."""
        facts: dict[str, Any] = self.swarm.ask("status")["sentinels"][0]["runs"][0]
        return facts

    def log(self, name: str) -> Path:
        """Where everything is that processes of this name logged."""
        return self.swarm.folder / f"{name}.log"

    def commits(self) -> list[datetime]:
        """When each round was committed."""
        written = (one for one in events(self.log(SENTINEL), "record_written") if one["phase"] == "COMMITTED")
        return [datetime.fromisoformat(one["timestamp"]) for one in written]

    def longest_s(self, since: datetime) -> float:
        """The longest time between two COMMITs that ended after a moment."""
        return max((after - before).total_seconds() for before, after in pairwise(self.commits()) if after >= since)

    def usual_s(self) -> float:
        """The time between two COMMITs in this swarm."""
        return median((after - before).total_seconds() for before, after in pairwise(self.commits()))


@contextmanager
def lasting(
    folder: Path,
    nodes: int,
    run: Sequence[str],
    environment: Mapping[str, dict[str, str]] | None = None,
    hosts: Mapping[str, str] | None = None,
    through: Mapping[str, list[str]] | None = None,
    certificates: int = 0,
) -> Iterator[Lasting]:
    """A swarm with its sentinel and `nodes` peers, which have finished a few rounds together."""
    with swarm(folder, max(nodes, certificates), *run) as one:
        one.environment = dict(environment or {})
        one.through = dict(through or {})
        made = Lasting(one, Promises(folder, rules_of(one.run)), hosts or {})
        made.start(SENTINEL)
        made.start(*(f"node-{number}" for number in range(1, nodes + 1)))
        made.until(lambda: all(made.applied(name) >= 0 for name in made.nodes), "came to round 0")
        made.settle()
        yield made
