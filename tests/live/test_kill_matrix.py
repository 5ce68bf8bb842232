"""Whoever is killed, and wherever: rounds go on within seconds, with the same bytes, nothing lost or counted twice.

A point of the matrix is a label of the core, and a moment before or after it. One swarm lives through all of
them: each time one process is told to kill itself as kill -9 would when it comes to the point, and is started
again at once. In between everybody has to be back in a round. What a kill adds is the longest time between two
COMMITs around it, less what rounds take in this swarm when nobody is killed.
"""

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import pytest

from tests.live.promises import Promises, events, rules_of
from tests.live.swarm import LISTENS, PATIENCE_S, READY, Process, Swarm, swarm

RUN = ("--run", "demo", "--synthetic", "20K", "--rounds", "100000", "--min-nodes", "2")
ADDED_MAX_S = 5.0
STRIKES_WITHIN_S = 2.0
"""A point that nobody came to by then belongs to joining: a peer is killed and started again to get there."""
NODES = ("node-1", "node-2", "node-3")
POLL_S = 0.02
ONLY_AT_THE_ENDS = {
    "sentinel writes Created",
    "sentinel writes Admitted",
    "sentinel writes Ended",
    "sentinel reads ledger",
    "peer sends Goodbye",
    "peer stops",
}
"""What no process does in the middle of a run; these are tried where a run begins or ends."""
SAMPLE = {
    "peer": ("after peer writes books: frozen",),
    "sentinel": ("after sentinel writes CutMade",),
}


@dataclass
class Matrix:
    """One long-lived swarm whose processes can be killed at any boundary."""

    swarm: Swarm
    address: str
    promises: Promises
    alive: dict[str, Process]
    places: dict[str, str]
    """Where each peer listens: others know it by that address for as long as a round lasts."""
    adapters: dict[int, str] = field(default_factory=dict)
    added_s: dict[str, float] = field(default_factory=dict)

    def settle(self) -> None:
        """Wait until everybody has applied rounds that were committed after now."""
        newest = max(round_index for name in NODES for round_index in (-1, *self.alive[name].adapters()))
        self._until(lambda: all(max((-1, *self.alive[name].adapters())) >= newest + 2 for name in NODES), "settled")

    def kill_at(self, name: str, point: str) -> None:
        """Have a process kill itself at a point, start it again, and see everybody back in a round."""
        began = datetime.now().astimezone()
        victim = self.alive[name]
        self._plan(name, f"crash {point}")
        if not self._is_gone_within(victim, STRIKES_WITHIN_S):
            joining = name if name in NODES else NODES[0]
            self._gone(joining, self.alive[joining].end(signal.SIGKILL))
            self._start(joining)
            if name != joining:
                self._until(lambda: victim.popen.poll() is not None, f"struck {point}")
            else:
                self._until(lambda: self.alive[name].popen.poll() is not None, f"struck {point}")
        struck = [f"crash {one['moment']} {one['label']}" for one in events(self._log(name), "fault_done")]
        assert struck[-1] == f"crash {point}"
        self._plan(name, "")
        self._gone(name, self.alive[name].wait())
        self._start(name)
        self.settle()
        self.added_s[f"{name}: {point}"] = self._longest_s(began) - self._usual_s() - self.alive[name].waited_s()

    def end(self) -> None:
        """Stop everybody and hold the promises against all that was written."""
        self.settle()
        for name in (*NODES, "sentinel"):
            assert self.alive[name].end() == 0, self.alive[name].story()
            if name in NODES:
                self._note(self.alive[name])
        for name in NODES:
            self.promises.look_at(name)
        assert self.promises.nothing_is_lost(list(NODES)) > 0
        for round_index, adapter in self.adapters.items():
            assert adapter == self.promises.adapter(round_index), f"round {round_index}"

    def _gone(self, name: str, code: int) -> None:
        process = self.alive[name]
        assert code == -signal.SIGKILL, process.story()
        if name in NODES:
            self._note(process)
            self.promises.look_at(name)

    def _note(self, process: Process) -> None:
        for round_index, adapter in process.adapters().items():
            assert self.adapters.setdefault(round_index, adapter) == adapter, f"{process.name}, round {round_index}"

    def _start(self, name: str) -> None:
        if name == "sentinel":
            self.alive[name] = self.swarm.sentinel(int(self.address.rpartition(":")[2]))
        else:
            self.alive[name] = self.swarm.peer(int(name[-1]), self.address, self.places[name])

    def _plan(self, name: str, fault: str) -> None:
        fresh = self.swarm.folder / "fault.fresh"
        fresh.write_text(fault)
        fresh.rename(self.swarm.folder / f"{name}.fault")

    def _log(self, name: str) -> Path:
        return self.swarm.folder / f"{name}.log"

    def _is_gone_within(self, process: Process, seconds: float) -> bool:
        deadline = monotonic() + seconds
        while process.popen.poll() is None and monotonic() < deadline:
            sleep(POLL_S)
        return process.popen.poll() is not None

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = monotonic() + PATIENCE_S
        while not is_so():
            assert monotonic() < deadline, f"never {what}:\n" + "\n".join(p.story() for p in self.alive.values())
            sleep(POLL_S)

    def _commits(self) -> list[datetime]:
        written = (one for one in events(self._log("sentinel"), "record_written") if one["phase"] == "COMMITTED")
        return [datetime.fromisoformat(one["timestamp"]) for one in written]

    def _longest_s(self, since: datetime) -> float:
        commits = self._commits()
        return max((after - before).total_seconds() for before, after in pairwise(commits) if after >= since)

    def _usual_s(self) -> float:
        return median((after - before).total_seconds() for before, after in pairwise(self._commits()))


@contextmanager
def _matrix(folder: Path, level: str = "info") -> Iterator[Matrix]:
    with swarm(folder, len(NODES), *RUN) as one:
        one.environment = {
            name: {
                "SHOAL_FAULTS_ALLOWED": "yes",
                "SHOAL_FAULT": f"@{folder / f'{name}.fault'}",
                "SHOAL_LOG_LEVEL": level,
            }
            for name in (*NODES, "sentinel")
        }
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        peers = {name: one.peer(number, address) for number, name in enumerate(NODES, 1)}
        places = {name: peer.wait_for(LISTENS)[1] for name, peer in peers.items()}
        made = Matrix(one, address, Promises(folder, rules_of(one.run)), {"sentinel": sentinel, **peers}, places)
        made.settle()
        yield made


def _labels(folder: Path, role: str) -> list[str]:
    """Every label that processes of a role come to in quiet rounds and when a peer joins again."""
    folder.mkdir()
    with _matrix(folder, "debug") as quiet:
        assert quiet.alive["node-1"].end(signal.SIGKILL) == -signal.SIGKILL
        quiet.alive["node-1"] = quiet.swarm.peer(1, quiet.address, quiet.places["node-1"])
        for _ in range(3):
            quiet.settle()
        logs = [folder / f"{name}.log" for name in (*NODES, "sentinel")]
    seen = {one["label"] for log in logs for one in events(log, "boundary_passed")}
    return sorted(label for label in seen - ONLY_AT_THE_ENDS if label.startswith(role))


def _kill_everywhere(folder: Path, points: Sequence[tuple[str, str]]) -> None:
    with _matrix(folder) as matrix:
        for name, point in points:
            matrix.kill_at(name, point)
        matrix.end()
        slowest = sorted(matrix.added_s.items(), key=lambda one: -one[1])
        print("\n".join(f"{added:6.2f} s  {point}" for point, added in slowest))  # noqa: T201 - pytest shows it on -s
        assert slowest[0][1] <= ADDED_MAX_S, slowest


def test_kills_at_points_that_matter_most_cost_seconds_and_nothing_else(tmp_path: Path) -> None:
    points = [("node-2", point) for point in SAMPLE["peer"]] + [("sentinel", point) for point in SAMPLE["sentinel"]]
    _kill_everywhere(tmp_path, points)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["peer", "sentinel"])
def test_kills_of_every_role_at_every_boundary_cost_seconds_and_nothing_else(tmp_path: Path, role: str) -> None:
    labels = _labels(tmp_path / "quiet", role)
    assert len(labels) >= {"peer": 18, "sentinel": 9}[role], labels
    points = [f"{moment} {label}" for label in labels for moment in ("before", "after")]
    folder = tmp_path / "matrix"
    folder.mkdir()
    victims = NODES if role == "peer" else ("sentinel",)
    _kill_everywhere(folder, [(victims[number % len(victims)], point) for number, point in enumerate(points)])


@pytest.mark.full
@pytest.mark.parametrize("label", sorted(ONLY_AT_THE_ENDS - {"sentinel reads ledger"}))
def test_a_kill_where_a_run_begins_or_ends_is_made_good_by_a_new_start(tmp_path: Path, label: str) -> None:
    with swarm(tmp_path, 2, "--run", "demo", "--synthetic", "20K", "--rounds", "2", "--min-nodes", "2") as one:
        victim = "sentinel" if label.startswith("sentinel") else "node-2"
        one.environment = {victim: {"SHOAL_FAULTS_ALLOWED": "yes", "SHOAL_FAULT": f"crash before {label}"}}
        port = 31000 + 7 * sorted(ONLY_AT_THE_ENDS).index(label)
        sentinel = one.start("sentinel", "sentinel", *one.run, "--port", str(port), *one.keys("sentinel-1"))
        peers = {name: one.peer(number, f"127.0.0.1:{port}") for number, name in enumerate(("node-1", "node-2"), 1)}
        started = {"sentinel": sentinel, **peers}
        if label.startswith("peer"):
            peers["node-2"].wait_for(re.compile("round 2:"))
        assert started[victim].wait() == -signal.SIGKILL, started[victim].story()
        one.environment = {}
        if victim == "sentinel":
            one.sentinel(port)
        else:
            peers["node-2"] = one.peer(2, f"127.0.0.1:{port}")
        assert [peer.wait() for peer in peers.values()] == [0, 0]
        promises = Promises(tmp_path, rules_of(one.run))
        for name, peer in peers.items():
            promises.look_at(name)
            assert all(adapter == promises.adapter(number) for number, adapter in peer.adapters().items())
        promises.nothing_is_lost(list(peers))
        assert max(promises.seen.commits) == 2
