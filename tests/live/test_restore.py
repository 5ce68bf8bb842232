"""Promise: a register lost with its disk comes back from nodes' copies, and the swarm goes on with the same bytes."""

import re
import shutil
import signal
from pathlib import Path
from time import monotonic, sleep

from shoal_swarm.service.entries import read_entries, spelled
from tests.live.swarm import PATIENCE_S, READY, Process, Swarm, swarm

RUN = ("--run", "demo", "--synthetic", "300K", "--rounds", "100000", "--min-nodes", "3")
NODES = (1, 2, 3)


def test_a_lost_register_comes_back_from_the_nodes_and_rounds_go_on(tmp_path: Path) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        peers = [one.peer(number, address) for number in NODES]
        for peer in peers:
            peer.wait_for(re.compile("round 3: "))
        sentinel.end(signal.SIGKILL)
        for found in (tmp_path / "home/state/demo").glob("register.db*"):
            found.unlink()
        before = max(max(peer.adapters()) for peer in peers)
        back = one.ask("sentinel", "restore", *_options(one, NODES))
        assert back["committed"] >= before
        again = one.ask("sentinel", "restore", *_options(one, NODES), code=4)
        assert "has run demo already, and nothing was changed" in again["error"]["message"]
        one.sentinel(int(address.rpartition(":")[2]))
        _await_round(peers, before + 4)
        rounds = set.intersection(*(set(peer.adapters()) for peer in peers))
        assert all(len({peer.adapters()[index] for peer in peers}) == 1 for index in rounds)
        assert one.ask("ledger", "verify", *_options(one, ()))["entries"] > back["entries"]


def test_a_copy_that_somebody_changed_restores_nothing(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, "--run", "demo", "--synthetic", "20K", "--rounds", "1", "--min-nodes", "1") as one:
        sentinel = one.sentinel()
        assert one.peer(1, sentinel.wait_for(READY)[1]).wait() == 0
        assert sentinel.end() == 0
        shutil.move(tmp_path / "home/state/demo/register.db", tmp_path / "old.db")
        ledger = tmp_path / "home/state/demo/demo/node-1/kept/ledger"
        entries = [entry.content for entry in read_entries(ledger.read_bytes()).entries]
        entries[3] = entries[3].replace(b"node-1", b"node-2")
        ledger.write_bytes(b"".join(spelled(place, content) for place, content in enumerate(entries)))
        refused = one.ask("sentinel", "restore", *_options(one, (1,)), code=6)
        assert "entry 3 was changed after it was sealed" in refused["error"]["message"]
        assert not (tmp_path / "home/state/demo/register.db").exists()


def _options(one: Swarm, nodes: tuple[int, ...]) -> list[str]:
    options = ["--swarm", "demo", "--run", "demo", "--capath", str(one.folder / "certs/capath")]
    for number in nodes:
        options += ["--from", str(one.folder / f"home/state/demo/demo/node-{number}")]
    return options


def _await_round(peers: list[Process], index: int) -> None:
    deadline = monotonic() + PATIENCE_S
    while min(max(peer.adapters(), default=-1) for peer in peers) < index:
        assert monotonic() < deadline, "\n".join(peer.story() for peer in peers)
        sleep(0.05)
