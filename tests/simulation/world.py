"""A whole swarm in one seeded world: time, network, disks, processes, and the promises checked as it runs.

The same seed gives the same history to the last event. Nothing here decides anything about rounds: the
protocol's own machines run, and the world only carries out what they ask for, as badly as it likes.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.decisions import Committed, Decision, ShareCommitted
from shoal_swarm.protocol.digests import digest_of, list_root
from shoal_swarm.protocol.folding import Books, Kept
from shoal_swarm.protocol.invariants import InvariantBroken, Invariants, MergedFrom, roots_in
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.pieces import OWNER_BYTES, PieceRun
from shoal_swarm.protocol.record import Record
from shoal_swarm.protocol.round_messages import Contribution, FromNode, Held
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.sentinel.effects import Effect as SentinelEffect
from tests.simulation.disk import Disk
from tests.simulation.network import Network
from tests.simulation.node_host import NodeHost
from tests.simulation.payloads import Blob, Payloads, Symbolic
from tests.simulation.register import Register
from tests.simulation.sentinel_host import SentinelHost

Host = NodeHost | SentinelHost
Watcher = Callable[[Host, "do.Effect | SentinelEffect"], bool]
"""Looks at an effect that is about to be done; True when its process is gone now."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The swarm of a seed."""

    nodes: int = 3
    sentinels: int = 1
    pieces: int = 3
    owners_max: int = 3
    min_nodes: int = 2
    copies: int = 2
    needs_gram: bool = False
    long_lists: bool = False
    step_s: float = 0.1
    uneven: float = 1.0
    """How much slower the slowest trainer is than the fastest."""
    jitter: float = 0.05
    """How much a trainer's pace varies from sync point to sync point."""
    rounds: int = 10_000


class World:
    """Everything there is."""

    def __init__(self, seed: int, shape: Shape, payloads: Payloads | None = None, *, story: bool = False) -> None:
        self.rng = Random(seed)  # noqa: S311 - seeded on purpose
        self.shape = shape
        self.now = 0.0
        self.story: list[str] | None = [] if story else None
        self.events = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._sequence = 0
        self._units = 0
        self.payloads: Payloads = payloads or Symbolic(shape.pieces)
        self.units_of: dict[Digest, tuple[int, ...]] = {}
        self.pieces_under: dict[Digest, list[Blob]] = {}
        self.timing = Timing.lan()
        digest = digest_of(b"sim")
        piece_bytes = OWNER_BYTES * shape.owners_max // shape.pieces + 1
        self.fit = Fit(
            adapter_shape=digest,
            base_model=digest,
            tokenizer=digest,
            labels=digest,
            pieces=(PieceRun(count=shape.pieces, piece_bytes=piece_bytes, cost=1),),
        )
        self.rules = RunRules(
            run=RunId("sim"),
            config_hash=digest,
            min_nodes=shape.min_nodes,
            rounds=shape.rounds,
            copies=shape.copies,
            needs_gram=shape.needs_gram,
            pieces_listed_max=0 if shape.long_lists else 512,
        )
        self.invariants = Invariants(self.rules)
        self.merges: dict[Digest, list[tuple[int, int, MergedFrom]]] = {}
        self._merged: dict[tuple[int, int, int, MergedFrom], Digest] = {}
        """What each merge gave, so that merging the same again is seen to give the same."""
        self.watchers: list[Watcher] = []
        self._applied_bytes: dict[NodeName, int] = {}
        self.excused: set[Digest] = set()
        """Contributions that went down with a disk."""
        self.poison: set[Digest] = set()
        """Pieces of contributions that are no numbers."""
        self.harmed: set[str] = set()
        """Nodes whose disk was harmed, or who lied; of everybody else every word about a disk must be true."""
        self.frozen_at: dict[Digest, float] = {}
        self.network = Network(self.rng, self.later)
        self.register = Register(self.rng, self.later, self._saw_entry)
        self.sentinels = {name: SentinelHost(name, self) for name in _numbered("sentinel", shape.sentinels)}
        self.nodes: dict[NodeName, NodeHost] = {}
        self.on_entry: list[Callable[[Decision], None]] = []
        for place, name in enumerate(_numbered("node", shape.nodes)):
            pace = shape.step_s * (1 + (shape.uneven - 1) * place / max(1, shape.nodes - 1))
            host = NodeHost(NodeName(name), self, Disk(self.rng, self.later), pace)
            self.nodes[host.name] = host

    # -- time --------------------------------------------------------------------------------------------------

    def later(self, wait_s: float, call: Callable[..., None], *facts: object) -> None:
        """Have something happen after a while."""
        self.at(self.now + wait_s, call, *facts)

    def at(self, moment: float, call: Callable[..., None], *facts: object) -> None:
        """Have something happen at a moment."""
        self._sequence += 1
        heapq.heappush(self._heap, (moment, self._sequence, call, facts))

    def run_until(self, moment: float, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass; stop early when `done`, asked a few times a second, says so."""
        heap = self._heap
        next_check = self.now
        while heap and heap[0][0] <= moment:
            when, _, call, facts = heapq.heappop(heap)
            self.now = when
            self.events += 1
            call(*facts)
            if done is not None and when >= next_check:
                next_check = when + 0.25
                if done():
                    return True
        self.now = moment
        return done is not None and done()

    def boot_all(self) -> None:
        """Start everybody, within a second or so."""
        for host in (*self.sentinels.values(), *self.nodes.values()):
            self.later(self.rng.uniform(0.0, 1.0), host.boot)

    # -- identity ----------------------------------------------------------------------------------------------

    def signer(self, name: NodeName) -> Callable[[bytes], bytes]:
        """A stand-in for a key: the name and a digest."""
        prefix = name.encode() + b"|"
        return lambda payload: prefix + digest_of(payload)

    def verify(self, name: NodeName, payload: bytes, signature: bytes) -> bool:
        """Whether `signer(name)` made this."""
        return signature == name.encode() + b"|" + digest_of(payload)

    # -- what hosts report ---------------------------------------------------------------------------------------

    def next_unit(self) -> int:
        """A unit of work that nobody has done before."""
        self._units += 1
        return self._units

    def garbage(self) -> Blob:
        """Bytes that nobody asked for."""
        content = ("garbage", self.next_unit())
        return Blob(digest_of(repr(content).encode()), content)

    def poisoned(self, blobs: Sequence[Blob]) -> list[Blob]:
        """A contribution of which one piece can't be merged."""
        bad, place = self.garbage(), self.rng.randrange(len(blobs))
        self.poison.add(bad.digest)
        return [*blobs[:place], bad, *blobs[place + 1 :]]

    def list_blob(self, pieces: tuple[Digest, ...]) -> Blob:
        """A list of digests as a blob."""
        return Blob(list_root(pieces), pieces)

    def tell(self, sentence: str) -> None:
        """Add to the story, if somebody reads it."""
        if self.story is not None:
            self.story.append(f"{self.now:9.3f}  {sentence}")

    def alarm(self, name: str, sentence: str) -> None:
        """Somebody raised an alarm."""
        self.tell(f"{name} raises an alarm: {sentence}")

    def stopped(self, host: NodeHost, reason: str) -> None:
        """A process ended itself; its supervisor starts it again."""
        host.crash(f"stops: {reason}")
        self.later(self.rng.uniform(0.5, 3.0), host.boot)

    def at_boundary(self, host: Host, effect: "do.Effect | SentinelEffect") -> bool:
        """An effect is about to be done; True when the process has just died."""
        is_gone = False
        for watcher in self.watchers:
            is_gone = watcher(host, effect) or is_gone
        return is_gone

    def saw_merge(self, effect: do.MergeShare, root: Digest) -> None:
        """An owner merged."""
        inputs = tuple((one.root, one.weight) for one in effect.inputs)
        first = self._merged.setdefault((effect.round, effect.attempt, effect.first, inputs), root)
        if first != root:
            raise InvariantBroken(f"I3 is broken: merging a share of round {effect.round} again gave other bytes.")
        self.merges.setdefault(root, []).append((effect.round, effect.attempt, inputs))

    def saw_disk(self, node: NodeName, books: Books) -> None:
        """Books are durable on a node's disk."""
        self.tell(
            f"{node} has books: applied {books.applied}, frozen {_root(books.frozen)}, carries {len(books.carried)}"
        )
        if books.frozen is not None and not self.nodes[node].disk.rotten.isdisjoint(self._needed_for(books.frozen)):
            self.excuse(roots_in(books))
        self.invariants.saw_books(node, books)
        if books.applied >= 0 and self._applied_bytes.get(node) != books.applied:
            self._applied_bytes[node] = books.applied
            pieces = self.pieces_of(self.invariants.commits[books.applied])
            self.invariants.saw_bytes(node, books.applied, self.nodes[node].disk.has(pieces))
        for root in roots_in(books):
            self.frozen_at.setdefault(root, self.now)

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

    def wipe(self, host: NodeHost, why: str) -> None:
        """A node loses its disk, and with it what was frozen there."""
        host.crash(f"its disk is lost: {why}")
        self.harmed.add(host.name)
        self.excused |= roots_in(host.disk.books)
        self.invariants.lost_disk(host.name)
        self._applied_bytes.pop(host.name, None)
        host.disk.wipe()
        self.check_newest()

    def rot(self, host: NodeHost, digest: Digest) -> None:
        """A bit flips on a node's disk; if it was in a contribution or in its base, that is lost with it."""
        self.tell(f"a bit flips on the disk of {host.name}")
        host.disk.rotten.add(digest)
        self.harmed.add(host.name)
        books = host.disk.books
        mine = (*books.carried, *(() if books.frozen is None else (books.frozen,)))
        self.excuse({root for kept in mine if digest in self._needed_for(kept) for root in kept.roots})
        self._applied_bytes.pop(host.name, None)
        self.check_newest()

    def _needed_for(self, kept: Kept) -> set[Digest]:
        """What must be whole on a node's disk for this contribution to be sent, or to be folded in when it is late."""
        base = self.invariants.commits.get(kept.round - 1)
        lists = () if base is None else (share.signed.result.root for share in base.results)
        return {kept.root, *kept.pieces, *lists, *(() if base is None else self.pieces_of(base))}

    def excuse(self, roots: set[Digest]) -> None:
        """Nobody is to blame if these are never committed: their bytes went down with a disk."""
        self.excused |= roots
        self.invariants.excuse(roots)

    def _saw_entry(self, entry: LedgerEntry, record: Record) -> None:
        decision = entry.decision()
        self.tell(f"register: {_spelled(decision, record)}")
        self.invariants.saw_entry(entry)
        if isinstance(decision, Committed):
            self._check_commit(decision)
        for watcher in self.on_entry:
            watcher(decision)

    def _check_commit(self, commit: Committed) -> None:
        for share in commit.results:
            made = [one for one in self.merges[share.signed.result.root] if one[:2] == (commit.round, commit.attempt)]
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
            if not self.nodes[name].disk.has(pieces):
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
            for host in self.nodes.values()
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
        for host in self.nodes.values():
            blob = host.disk.blobs.get(root)
            if blob is not None and isinstance(blob.content, tuple):
                return blob.content
        raise InvariantBroken("I4 is broken: the list of a committed share lies on no disk.")

    def _check_work(self, commit: Committed) -> None:
        blobs = {d: b for host in self.nodes.values() for d, b in host.disk.blobs.items()}
        work = self.payloads.work_in([blobs[digest] for digest in self.pieces_of(commit)])
        if work is None:
            return
        if any(count > 1 for count in work[0].values()):
            raise InvariantBroken(f"I2 is broken: work is counted twice in round {commit.round}.")
        if any(one != work[0] for one in work):
            raise InvariantBroken(f"I3 is broken: pieces of round {commit.round} hold different work.")
        due = {unit for root in self.invariants.committed_in for unit in self.units_of[root]}
        if not due <= set(work[0]):
            raise InvariantBroken(f"I5 is broken: committed work is missing from round {commit.round}.")


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}-{number}" for number in range(1, count + 1)]


def _root(kept: object) -> str:
    root = getattr(kept, "root", None)
    return root.hex()[:6] if isinstance(root, bytes) else "nothing"


def _spelled(decision: object, record: Record) -> str:
    name = type(decision).__name__
    where = f"round {record.round}, attempt {record.attempt}"
    extra = {
        "Admitted": f" {getattr(decision, 'node', '')}",
        "Opened": f" {where}, expects {', '.join(record.expected)}, owners {', '.join(s.owner for s in record.shares)}",
        "CutMade": f" {where}: {', '.join(f'{one.node}:{one.root.hex()[:6]}' for one in record.cut)}",
        "Committed": f" {where}",
    }
    return name + extra.get(name, "")
