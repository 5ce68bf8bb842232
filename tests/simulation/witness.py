"""Who sees every write, claim, merge and decision in the world, and checks the promises against them."""

from collections import Counter
from collections.abc import Mapping

from shoal_swarm.protocol.decisions import Committed, ShareCommitted
from shoal_swarm.protocol.folding import Books, Kept
from shoal_swarm.protocol.invariants import InvariantBroken, Invariants, MergedFrom, roots_in
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.round_messages import Contribution, FromNode, Held
from tests.simulation.clock import Clock
from tests.simulation.node_host import NodeHost
from tests.simulation.payloads import Payloads


class Witness:
    """The promises of a run, checked as it goes."""

    def __init__(
        self, invariants: Invariants, clock: Clock, nodes: Mapping[NodeName, NodeHost], payloads: Payloads
    ) -> None:
        self.invariants = invariants
        self._clock = clock
        self._nodes = nodes
        self._payloads = payloads
        self._merges: dict[Digest, list[tuple[int, int, MergedFrom]]] = {}
        self._merged: dict[tuple[int, int, int, MergedFrom], Digest] = {}
        """What each merge gave, so that merging the same again is seen to give the same."""
        self._applied_bytes: dict[NodeName, int] = {}
        self.excused: set[Digest] = set()
        """Contributions that went down with a disk."""
        self.harmed: set[str] = set()
        """Nodes whose disk was harmed, or who lied; of everybody else every word about a disk must be true."""
        self.frozen_at: dict[Digest, float] = {}
        self.units_of: dict[Digest, tuple[int, ...]] = {}

    def saw_merge(self, effect: do.MergeShare, root: Digest) -> None:
        """An owner merged."""
        inputs = tuple((one.root, one.weight) for one in effect.inputs)
        first = self._merged.setdefault((effect.round, effect.attempt, effect.first, inputs), root)
        if first != root:
            raise InvariantBroken(f"I3 is broken: merging a share of round {effect.round} again gave other bytes.")
        self._merges.setdefault(root, []).append((effect.round, effect.attempt, inputs))

    def saw_disk(self, node: NodeName, books: Books) -> None:
        """Books are durable on a node's disk."""
        if books.frozen is not None and not self._nodes[node].disk.rotten.isdisjoint(self._needed_for(books.frozen)):
            self.excuse(roots_in(books))
        self.invariants.saw_books(node, books)
        if books.applied >= 0 and self._applied_bytes.get(node) != books.applied:
            self._applied_bytes[node] = books.applied
            pieces = self.pieces_of(self.invariants.commits[books.applied])
            self.invariants.saw_bytes(node, books.applied, self._nodes[node].disk.has(pieces))
        for root in roots_in(books):
            self.frozen_at.setdefault(root, self._clock.now)

    def heard_claim(self, host: NodeHost, message: FromNode) -> None:
        """A node tells others what lies on its disk: it had better be true."""
        disk = host.disk
        if isinstance(message, Contribution):
            frozen = disk.books.frozen
            is_durable = frozen is not None and frozen.root == message.signed.manifest.root
            is_durable = is_durable and disk.has((frozen.root, *frozen.pieces)) if frozen is not None else False
            self.invariants.said(host.name, "that its contribution is frozen", is_durable)
        if isinstance(message, Held):
            results = host.process.run.holder.results if host.process is not None else {}
            held = [results[key] for key in message.held]
            pieces = [piece for result in held for piece in result.pieces or (result.root,)]
            self.invariants.said(host.name, "that it holds results", disk.has(pieces))

    def lost_disk(self, host: NodeHost) -> None:
        """A node is about to lose its disk, and with it what was frozen there."""
        self.harmed.add(host.name)
        self.excused |= roots_in(host.disk.books)
        self.invariants.lost_disk(host.name)
        self._applied_bytes.pop(host.name, None)

    def saw_rot(self, host: NodeHost, digest: Digest) -> None:
        """A bit flipped on a node's disk; if it was in a contribution or in its base, that is lost with it."""
        self.harmed.add(host.name)
        books = host.disk.books
        mine = (*books.carried, *(() if books.frozen is None else (books.frozen,)))
        self.excuse({root for kept in mine if digest in self._needed_for(kept) for root in kept.roots})
        self._applied_bytes.pop(host.name, None)
        self.check_newest()

    def saw_entry(self, entry: LedgerEntry) -> None:
        """The register has a decision more."""
        decision = entry.decision()
        self.invariants.saw_entry(entry)
        if isinstance(decision, Committed):
            self._check_commit(decision)

    def _needed_for(self, kept: Kept) -> set[Digest]:
        """What must be whole on a node's disk for this contribution to be sent, or to be folded in when it is late."""
        base = self.invariants.commits.get(kept.round - 1)
        lists = () if base is None else (share.signed.result.root for share in base.results)
        return {kept.root, *kept.pieces, *lists, *(() if base is None else self.pieces_of(base))}

    def excuse(self, roots: set[Digest]) -> None:
        """Nobody is to blame if these are never committed: their bytes went down with a disk."""
        self.excused |= roots
        self.invariants.excuse(roots)

    def _check_commit(self, commit: Committed) -> None:
        for share in commit.results:
            made = [one for one in self._merges[share.signed.result.root] if one[:2] == (commit.round, commit.attempt)]
            if not made:
                raise InvariantBroken(f"I3 is broken: nobody merged what round {commit.round} names.")
            for _, _, inputs in made:
                self.invariants.saw_merge(commit.round, commit.attempt, inputs)
            self._check_holders(commit.round, share)
        self.check_durable(commit)
        self._check_work(commit)

    def _check_holders(self, round_index: int, share: ShareCommitted) -> None:
        result = share.signed.result
        pieces = result.pieces or (result.root, *self._listed(result.root))
        for name in set(share.holders) - self.harmed:
            if not self._nodes[name].disk.has(pieces):
                raise InvariantBroken(f"I4 is broken: round {round_index} counts on {name}, who has dropped the bytes.")

    def check_newest(self) -> None:
        """I4 for the newest COMMIT, whenever a disk was harmed."""
        if self.invariants.commits:
            self.check_durable(self.invariants.commits[max(self.invariants.commits)])

    def check_durable(self, commit: Committed) -> None:
        """I4: count the disks that hold each piece whole."""
        pieces = self.pieces_of(commit)
        holders = Counter(
            digest
            for host in self._nodes.values()
            for digest in pieces
            if digest in host.disk.blobs and digest not in host.disk.rotten
        )
        self.invariants.holds(holders, pieces)

    def pieces_of(self, commit: Committed) -> tuple[Digest, ...]:
        """Digests of all pieces of a COMMIT, lists resolved."""
        pieces: list[Digest] = []
        for share in commit.results:
            result = share.signed.result
            pieces += result.pieces or self._listed(result.root)
        return tuple(pieces)

    def _listed(self, root: Digest) -> tuple[Digest, ...]:
        for host in self._nodes.values():
            blob = host.disk.blobs.get(root)
            if blob is not None and isinstance(blob.content, tuple):
                return blob.content
        raise InvariantBroken("I4 is broken: the list of a committed share lies on no disk.")

    def _check_work(self, commit: Committed) -> None:
        blobs = {d: b for host in self._nodes.values() for d, b in host.disk.blobs.items()}
        work = self._payloads.work_in([blobs[digest] for digest in self.pieces_of(commit)])
        if work is None:
            return
        if any(count > 1 for count in work[0].values()):
            raise InvariantBroken(f"I2 is broken: work is counted twice in round {commit.round}.")
        if any(one != work[0] for one in work):
            raise InvariantBroken(f"I3 is broken: pieces of round {commit.round} hold different work.")
        due = {unit for root in self.invariants.committed_in for unit in self.units_of[root]}
        if not due <= set(work[0]):
            raise InvariantBroken(f"I5 is broken: committed work is missing from round {commit.round}.")
