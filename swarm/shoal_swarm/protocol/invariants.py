"""The promises of the protocol as code. The simulator runs all of them; services can run those they can see.

I1 Agreement      one COMMIT per round; who applied it has its chain and its bytes
I2 Exactly once   a contribution is in at most one COMMIT, by its root or folded into another
I3 Uniform cut    every share of a COMMIT merges exactly the cut, with its weights; the cut is a quorum
I4 Durability     a COMMIT names enough holders; every piece of it lies whole on some disk, whatever one disk loses
I5 Nothing lost   what a node says is durable is; what is frozen is committed or still in its books
I6 Progress       with a sentinel and a quorum that can talk, rounds commit within a bound
I7 Monotone       a node's applied round, and the ledger, never go back
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from shoal_base.errors import ShoalError
from shoal_swarm.protocol.decisions import Committed, CutMade
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.run_rules import RunRules

MergedFrom = tuple[tuple[Digest, float], ...]
"""Roots and weights that a merge used."""


class InvariantBroken(ShoalError):
    """A promise of the protocol does not hold: a defect of ours, or a fork of history."""


@dataclass(slots=True)
class Invariants:
    """What was seen so far, and the promises about it. Feed it facts; it raises at the first broken promise."""

    rules: RunRules
    commits: dict[int, Committed] = field(default_factory=dict)
    cuts: dict[tuple[int, int], CutMade] = field(default_factory=dict)
    committed_in: dict[Digest, int] = field(default_factory=dict)
    """Every contribution whose work is in the shared state, and the round that brought it."""
    _entries: list[Digest] = field(default_factory=list)
    _applied: dict[NodeName, int] = field(default_factory=dict)
    _excused: set[Digest] = field(default_factory=set)
    _books: dict[NodeName, Books] = field(default_factory=dict)

    def saw_entry(self, entry: LedgerEntry) -> None:
        """The ledger has this entry; I1, I2, I7."""
        if entry.index < len(self._entries):
            self._demand("I1", self._entries[entry.index] == entry.hash, f"ledger entry {entry.index} exists twice")
            return
        self._demand("I7", entry.index == len(self._entries), f"ledger entry {entry.index} skips what is before it")
        self._entries.append(entry.hash)
        decision = entry.decision()
        if isinstance(decision, CutMade):
            self.cuts[decision.round, decision.attempt] = decision
        if isinstance(decision, Committed):
            self._saw_commit(decision)

    def saw_merge(self, round_index: int, attempt: int, inputs: MergedFrom) -> None:
        """An owner's result that a COMMIT names was merged from these; I3."""
        cut = self.cuts[round_index, attempt]
        agreed = sorted((one.signed.manifest.root, one.weight) for one in cut.contributors)
        self._demand(
            "I3", sorted(inputs) == agreed, f"a share of round {round_index} merges something else than its cut"
        )

    def saw_books(self, node: NodeName, books: Books) -> None:
        """A node's books are durable; I1, I5, I7. What leaves them must be in a COMMIT."""
        self._demand("I7", books.applied >= self._applied.get(node, -1), f"{node} went back to round {books.applied}")
        self._applied[node] = books.applied
        if books.applied >= 0:
            commit = self.commits.get(books.applied)
            agreed = commit is not None and commit.chain == books.chain
            self._demand("I1", agreed, f"{node} applied round {books.applied} as nobody committed it")
        before = self._books.get(node, Books())
        gone = {root for root in roots_in(before) if root not in self.committed_in} - roots_in(books)
        lost = gone - self._excused
        self._demand("I5", not lost, f"{node} forgot a contribution that no COMMIT carries")
        self._books[node] = books

    def saw_bytes(self, node: NodeName, round_index: int, whole: bool) -> None:
        """Whether a node that applied a round has the bytes that its COMMIT names; I1."""
        self._demand("I1", whole, f"{node} applied round {round_index} without having the bytes that were committed")

    def said(self, node: NodeName, what: str, durable: bool) -> None:
        """Whether what a node tells others about its disk is true: frozen before announced, synced before HELD; I5."""
        self._demand("I5", durable, f"{node} says {what}, but a crash now would make that a lie")

    def lost_disk(self, node: NodeName) -> None:
        """A node's disk is gone, and with it every promise about what was on it."""
        self._applied.pop(node, None)
        self._books.pop(node, None)

    def excuse(self, roots: Collection[Digest]) -> None:
        """Bytes of these contributions are damaged: they may be forgotten."""
        self._excused.update(roots)

    def holds(self, holders: Mapping[Digest, int], needed: Collection[Digest]) -> None:
        """How many disks hold each piece of the newest COMMIT; I4."""
        gone = sum(1 for digest in needed if holders.get(digest, 0) == 0)
        self._demand("I4", gone == 0, f"{gone} pieces of the newest COMMIT lie on no disk any more")

    def made_progress(self, made: bool, bound_s: float) -> None:
        """Whether what was due within the bound has happened; I6."""
        self._demand("I6", made, f"no progress within {bound_s:.0f} s although a quorum can talk")

    def was_patient(self, round_index: int, patient: bool) -> None:
        """Whether a round had everybody in it at its first attempt, where nobody but the sentinel had failed; I6."""
        self._demand("I6", patient, f"round {round_index} left out or gave up on somebody who was well")

    def _saw_commit(self, commit: Committed) -> None:
        self._demand("I1", commit.round not in self.commits, f"round {commit.round} was committed twice")
        self.commits[commit.round] = commit
        for share in commit.results:
            named = len(set(share.holders))
            self._demand("I4", named >= self.rules.copies, f"round {commit.round} counts on {named} copies of a share")
        contributors = self.cuts[commit.round, commit.attempt].contributors
        enough = len(contributors) == 1 if commit.round == 0 else len(contributors) >= self.rules.min_nodes
        self._demand("I3", enough, f"round {commit.round} has {len(contributors)} contributors")
        for one in contributors:
            for root in (one.signed.manifest.root, *one.signed.manifest.folds):
                before = self.committed_in.setdefault(root, commit.round)
                self._demand("I2", before == commit.round, f"a contribution is in rounds {before} and {commit.round}")

    def _demand(self, name: str, holds: bool, otherwise: str) -> None:
        if not holds:
            raise InvariantBroken(f"{name} is broken: {otherwise}. Stop the run and keep the ledgers; report this.")


def roots_in(books: Books) -> set[Digest]:
    """Every contribution that the books still answer for; a first adapter is no work and is not among them."""
    outstanding = (*books.carried, *(() if books.frozen is None else (books.frozen,)))
    return {root for kept in outstanding if kept.round > 0 for root in kept.roots}
