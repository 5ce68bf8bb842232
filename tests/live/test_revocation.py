"""Promise: a revoked node is out within two heartbeats everywhere, its unmerged work with it, and rounds go on."""

import re
import shutil
import subprocess
from pathlib import Path
from time import monotonic, sleep

from shoal_swarm.transport.limits import DEFAULT_LIMITS
from tests.live.swarm import PATIENCE_S, READY, SHOAL, Process, Swarm, swarm

RUN = ("--run", "demo", "--synthetic", "300K", "--rounds", "100000", "--min-nodes", "2")
WITHIN_S = 2 * DEFAULT_LIMITS.heartbeat_s + 1.0
"""Two heartbeats, and a second for a busy machine."""


def test_a_revoked_node_is_out_everywhere_and_its_work_in_no_later_round(tmp_path: Path) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        _give_each_its_own_trust(one)
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        peers = [one.peer(number, address) for number in (1, 2, 3)]
        for peer in peers:
            peer.wait_for(re.compile("round 2: "))
        revoke = ["certs", "revoke", "node-3", "--dir", str(tmp_path / "certs")]
        subprocess.run([*SHOAL, *revoke], check=True, capture_output=True)
        began = monotonic()
        _await_log(sentinel, "The certificate of node-3 was revoked")
        out_at = _committed(one)
        for peer in peers[:2]:
            _await_log(peer, "revocations_taken")
        assert monotonic() - began < WITHIN_S
        _await_round(peers[0], out_at + 5)
        peers[2].end()
        later = [entry["says"] for entry in _ledger(one) if _is_cut_after(entry["says"], out_at)]
        assert later
        assert not any("node-3" in says for says in later)


def _give_each_its_own_trust(one: Swarm) -> None:
    """As on hosts of their own: only the sentinel reads the folder that the authority writes."""
    for number in (1, 2, 3):
        shutil.copytree(one.folder / "certs" / "capath", one.folder / "certs" / f"node-{number}" / "capath")


def _await_log(process: Process, words: str) -> None:
    deadline = monotonic() + PATIENCE_S
    log = process.folder / f"{process.name}.log"
    while words not in log.read_text():
        assert monotonic() < deadline, process.story()
        sleep(0.02)


def _await_round(peer: Process, index: int) -> None:
    deadline = monotonic() + PATIENCE_S
    while max(peer.adapters(), default=-1) < index:
        assert monotonic() < deadline, peer.story()
        sleep(0.05)


def _committed(one: Swarm) -> int:
    committed: int = one.ask("status")["sentinels"][0]["runs"][0]["committed"]
    return committed


def _ledger(one: Swarm) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = one.ask("ledger", "show", "--swarm", "demo", "--run", "demo")["entries"]
    return entries


def _is_cut_after(says: str, index: int) -> bool:
    found = re.match(r"cut round (\d+),", says)
    return found is not None and int(found[1]) > index + 1
