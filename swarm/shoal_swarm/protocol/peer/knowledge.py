"""What a peer knows, shared by the parts of its run: its books, its copy of the ledger, its blobs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.decisions import Committed, CutMade, Opened, Participant
from shoal_swarm.protocol.folding import Books, Kept, roots_settled, strike
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.ledger import LedgerEntry, flaw
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, NO_DIGEST, Digest, NodeName
from shoal_swarm.protocol.peer.effects import AppendLedger, Effect, WriteBooks
from shoal_swarm.protocol.record import Phase, Record, after
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.signed import Result, Sign, Verify


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this process is and what it can do; fixed when it starts."""

    node: NodeName
    boot_nonce: str
    address: str
    fit: Fit
    sign: Sign
    verify: Verify


@dataclass(frozen=True, slots=True)
class Commit:
    """A COMMIT as catching up needs it: where in the ledger, which results, who held them."""

    round: int
    length: int
    """Ledger entries up to and with this one."""
    chain: Digest
    results: tuple[tuple[Result, tuple[NodeName, ...]], ...]


@dataclass(slots=True)
class Knowledge:
    """The facts that all parts of a peer's run look at."""

    identity: Identity
    rules: RunRules
    timing: Timing
    books: Books
    record: Record | None = None
    heads: list[Digest] = field(default_factory=list)
    """Hash of every entry of the own ledger."""
    ledger_kept: int = 0
    commits: dict[int, Commit] = field(default_factory=dict)
    nodes: dict[NodeName, Participant] = field(default_factory=dict)
    settled: set[Digest] = field(default_factory=set)
    """Every own contribution whose work is in the shared state, by root."""
    kept: set[Digest] = field(default_factory=set)
    """Blobs that lie durably on this disk."""
    lists: dict[Digest, tuple[Digest, ...]] = field(default_factory=dict)
    ready_from: int = BEFORE_ROUND_ZERO - 1
    """The COMMIT from which the trainer's last offer was trained."""
    writing: Books | None = None
    """Books on their way to the disk; only one page is written at a time."""
    _cut: CutMade | None = None
    _whom_to_ask: dict[tuple[NodeName, tuple[NodeName, ...]], tuple[NodeName, ...]] = field(default_factory=dict)
    _pinned: set[Digest] = field(default_factory=set)
    _pinned_for: tuple[int, int] = (-1, -1)

    @property
    def node(self) -> NodeName:
        """Which node this is."""
        return self.identity.node

    @property
    def newest(self) -> Commit | None:
        """The newest COMMIT in the own ledger."""
        return self.commits[self.record.committed] if self.record is not None and self.record.committed >= 0 else None

    def is_in(self, phase: Phase) -> bool:
        """Whether the run is in this phase, as far as the own ledger tells."""
        return self.record is not None and self.record.phase is phase

    def learn(self, entries: Iterable[LedgerEntry]) -> tuple[list[LedgerEntry], str | None]:
        """Append what follows the own ledger; returns what was new, and the flaw at which reading stopped."""
        new: list[LedgerEntry] = []
        for entry in entries:
            if entry.index < len(self.heads):
                if entry.hash != self.heads[entry.index]:
                    return new, f"entry {entry.index} differs from the one this node has"
                continue
            if entry.index > len(self.heads):
                break
            problem = flaw(entry, len(self.heads), self.heads[-1] if self.heads else NO_DIGEST, self.identity.verify)
            if problem is not None:
                return new, problem
            self._append(entry)
            new.append(entry)
        return new, None

    def whom_to_ask(self, owner: NodeName, holders: tuple[NodeName, ...]) -> tuple[NodeName, ...]:
        """For a result: its owner, then who held it at COMMIT, then everybody else."""
        if len(self._whom_to_ask) > 2 * len(self.nodes):
            self._whom_to_ask.clear()
        ranked = self._whom_to_ask.get((owner, holders))
        if ranked is None:
            everybody = dict.fromkeys((owner, *holders, *self.nodes))
            ranked = tuple(node for node in everybody if node != self.node)
            self._whom_to_ask[owner, holders] = ranked
        return ranked

    def keep_entries(self, entries: Sequence[LedgerEntry]) -> list[Effect]:
        """Have new entries written to disk."""
        return [AppendLedger(tuple(entries))] if entries else []

    def write(self, books: Books, purpose: str) -> list[Effect]:
        """Have the books written; they count from BooksKept on."""
        assert self.writing is None, "one page at a time"
        self.writing = books
        return [WriteBooks(books, purpose)]

    def books_kept(self) -> None:
        """The page is on disk."""
        assert self.writing is not None, "BooksKept answers WriteBooks"
        self.books, self.writing = self.writing, None

    def pieces_of(self, result: Result) -> tuple[Digest, ...] | None:
        """A result's pieces; None while its list has not been fetched."""
        return result.pieces or self.lists.get(result.root)

    def pieces_of_commit(self, commit: Commit) -> tuple[Digest, ...] | None:
        """All pieces of a COMMIT in order; None while a list is missing."""
        pieces: list[Digest] = []
        for result, _holders in commit.results:
            listed = self.pieces_of(result)
            if listed is None:
                return None
            pieces += listed
        return tuple(pieces)

    def strike_damaged(self) -> tuple[Digest, ...]:
        """Strike contributions whose bytes the disk has lost from the books; returns their roots.

        Right only at a start, when no trainer remembers the work: if owners have it and it is committed after
        all, it is in once, and if they have not, it is gone.
        """
        damaged = {kept.root for kept in self._outstanding() if not self.kept.issuperset((kept.root, *kept.pieces))}
        if damaged:
            self.books = strike(self.books, damaged)
        return tuple(sorted(damaged))

    def strike_unfoldable(self) -> tuple[Digest, ...]:
        """Strike late work from the books that the disk lost, or whose base it lost; returns the roots.

        Late work is folded in by what it changed against the COMMIT that it came from, and by the time it is late
        others may have dropped that COMMIT. Right whenever the trainer begins anew, for then it remembers none of it.
        """
        lost = {kept.root for kept in self.books.carried if not self._is_foldable(kept)}
        if lost:
            self.books = strike(self.books, lost)
        return tuple(sorted(lost))

    def pin(self, attempt_key: tuple[int, int], digests: Iterable[Digest]) -> None:
        """Results of an attempt are about to be kept here; none of them is dropped while it is under way."""
        if attempt_key != self._pinned_for:
            self._pinned, self._pinned_for = set(), attempt_key
        self._pinned.update(digests)

    def blobs_needed(self) -> set[Digest]:
        """What must stay on this disk.

        The last two COMMITs, own contributions and what those are folded against, and results of the attempt
        under way: HELD may have been said about them already.
        """
        needed = {digest for kept in self._outstanding() for digest in (kept.root, *kept.pieces)}
        if self.record is not None and self.record.attempt_key() == self._pinned_for:
            needed |= self._pinned
        for result in self._results_needed():
            needed |= {result.root, *(self.pieces_of(result) or ())}
        return needed

    def unread_lists(self) -> set[Digest]:
        """Lists on this disk that name what must stay on it, and were not read again since the start."""
        roots = {result.root for result in self._results_needed() if not result.pieces}
        return {root for root in roots if root in self.kept and root not in self.lists}

    def _is_foldable(self, kept: Kept) -> bool:
        base = self.pieces_of_commit(self.commits[kept.round - 1])
        return base is not None and self.kept.issuperset((*kept.pieces, *base))

    def _outstanding(self) -> tuple[Kept, ...]:
        return (*self.books.carried, *(() if self.books.frozen is None else (self.books.frozen,)))

    def _rounds_needed(self) -> set[int]:
        newest = -1 if self.record is None else self.record.committed
        rounds = {newest, newest - 1, self.books.applied, self.books.applied - 1}
        return rounds | {kept.round - 1 for kept in self._outstanding()}

    def _forget_commits(self) -> None:
        """A COMMIT names every piece of its round: keeping all of them would take more memory round by round."""
        needed = self._rounds_needed() | ({self.writing.applied} if self.writing is not None else set())
        for stale in [index for index in self.commits if index not in needed]:
            del self.commits[stale]

    def _results_needed(self) -> list[Result]:
        commits = [self.commits[index] for index in self._rounds_needed() if index in self.commits]
        return [result for commit in commits for result, _holders in commit.results]

    def _append(self, entry: LedgerEntry) -> None:
        decision = entry.decision()
        self.record = after(self.record, entry)
        self.heads.append(entry.hash)
        if isinstance(decision, Opened):
            self.nodes |= {one.node: one for one in decision.participants}
            self._whom_to_ask.clear()
        if isinstance(decision, CutMade):
            self._cut = decision
        if isinstance(decision, Committed):
            assert self._cut is not None, "`after` lets no COMMIT stand without its cut"
            self.settled |= set(roots_settled(self._cut.contributors, self.node))
            results = tuple((share.signed.result, share.holders) for share in decision.results)
            self.commits[decision.round] = Commit(decision.round, len(self.heads), decision.chain, results)
            self._forget_commits()
