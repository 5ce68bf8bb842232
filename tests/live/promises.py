"""The promises of the protocol, held against what real processes wrote: register, disks of nodes, logs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shoal_swarm.peer.storage import open_storage
from shoal_swarm.protocol.digests import list_root
from shoal_swarm.protocol.invariants import Invariants, roots_in
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.register import open_register
from shoal_swarm.sentinel.records import read_entries
from shoal_swarm.service.copies import KEPT
from shoal_swarm.service.run_config import rules_of as rules_of_config
from shoal_swarm.service.run_config import synthetic_run
from shoal_swarm.service.run_options import size_of


def rules_of(run: list[str]) -> RunRules:
    """The rules that these options spell."""
    given = dict(zip(run[::2], run[1::2], strict=True))
    numbers = [int(given[name]) for name in ("--rounds", "--min-nodes", "--owners-max") if name in given]
    combine = given.get("--combine", "exact")
    return rules_of_config(synthetic_run(given["--run"], size_of(given["--synthetic"]), *numbers, combine=combine))


def events(log: Path, name: str) -> Iterator[dict[str, Any]]:
    """Every event of that name in a process's log; the last line of one that was killed may be cut short."""
    for line in log.read_text().splitlines():
        if f'"event": "{name}"' in line and line.endswith("}"):
            yield json.loads(line)


@dataclass
class Promises:
    """What was seen of one swarm in a folder; it raises at the first broken promise."""

    folder: Path
    rules: RunRules
    seen: Invariants = field(init=False)
    kept: dict[NodeName, set[str]] = field(default_factory=dict)
    """Contributions that each node's books held when they were last looked at."""

    excused: set[str] = field(default_factory=set)
    """Contributions that went down with a disk."""

    def __post_init__(self) -> None:
        self.seen = Invariants(self.rules)

    def look(self) -> None:
        """Read on in the ledger: I1, I2, I3, I4, I7."""
        with open_register(f"sqlite:///{self.folder / 'home/state/demo/register.db'}") as register:
            for entry in read_entries(register, str(self.rules.run)):
                self.seen.saw_entry(entry)

    def look_at(self, name: str, *, stands: bool = True) -> None:
        """Look at the disk of a node whose process is gone: I1, I5, I7; `stands` if it has whole rounds."""
        node = NodeName(name)
        place = self.folder / "home/state/demo" / str(self.rules.run) / name / KEPT
        storage = open_storage(place, run=self.rules.run, node=node)
        try:
            found = storage.read_back()
        finally:
            storage.close()
        self.look()
        self.seen.saw_books(node, found.books)
        self.kept[node] = {root.hex() for root in roots_in(found.books)}
        if stands and found.books.applied >= 0:
            pieces = {piece for share in self._results(found.books.applied) for piece in share}
            self.seen.saw_bytes(node, found.books.applied, found.blobs >= pieces)

    def lost_disk(self, name: str) -> None:
        """The disk of a node that was looked at is gone, with whatever only it had."""
        self.excused |= self.kept[NodeName(name)]
        self.seen.lost_disk(NodeName(name))

    def adapter(self, round_index: int) -> str:
        """The adapter that a COMMIT names, as processes spell it."""
        self.look()
        return list_root([piece for share in self._results(round_index) for piece in share]).hex()

    def nothing_is_lost(self, nodes: list[str]) -> int:
        """Every contribution that was ever frozen is in a COMMIT, or in the books still: I5. How many there were."""
        self.look()
        committed = {root.hex() for root in self.seen.committed_in}
        frozen = 0
        for name in nodes:
            roots = {one["root"] for one in events(self.folder / f"{name}.log", "contribution_frozen") if one["round"]}
            lost = roots - committed - self.kept[NodeName(name)] - self.excused
            assert not lost, f"{name} lost {sorted(lost)}"
            frozen += len(roots)
        return frozen

    def _results(self, round_index: int) -> list[tuple[Any, ...]]:
        results = sorted(
            (one.signed.result for one in self.seen.commits[round_index].results), key=lambda result: result.first
        )
        return [result.pieces for result in results]
