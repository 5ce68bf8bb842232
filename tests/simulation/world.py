"""A whole swarm in one seeded world: time, network, disks, processes, and a witness to the promises.

The same seed gives the same history to the last event. Nothing here decides anything about rounds: the
protocol's own machines run, and the world only carries out what they ask for, as badly as it likes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.decisions import Decision
from shoal_swarm.protocol.digests import digest_of, list_root
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.invariants import Invariants
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.pieces import OWNER_BYTES, PieceRun
from shoal_swarm.protocol.record import Record
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.sentinel.effects import Effect as SentinelEffect
from tests.simulation.clock import Clock
from tests.simulation.disk import Disk
from tests.simulation.network import Network
from tests.simulation.node_host import NodeHost
from tests.simulation.payloads import Blob, Payloads, Symbolic
from tests.simulation.register import Register
from tests.simulation.sentinel_host import SentinelHost
from tests.simulation.witness import Witness

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


class World(Clock):
    """Everything there is."""

    def __init__(self, seed: int, shape: Shape, payloads: Payloads | None = None, *, story: bool = False) -> None:
        super().__init__()
        self.rng = Random(seed)  # noqa: S311 - seeded on purpose
        self.shape = shape
        self.story: list[str] | None = [] if story else None
        self._units = 0
        self.payloads: Payloads = payloads or Symbolic(shape.pieces)
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
        self.watchers: list[Watcher] = []
        self.poison: set[Digest] = set()
        """Pieces of contributions that are no numbers."""
        self.network = Network(self.rng, self.later)
        self.register = Register(self.rng, self.later, self._saw_entry)
        self.sentinels = {name: SentinelHost(name, self) for name in _numbered("sentinel", shape.sentinels)}
        self.nodes: dict[NodeName, NodeHost] = {}
        self.invariants = Invariants(self.rules)
        self.witness = Witness(self.invariants, self, self.nodes, self.payloads)
        self.on_entry: list[Callable[[Decision], None]] = []
        for place, name in enumerate(_numbered("node", shape.nodes)):
            pace = shape.step_s * (1 + (shape.uneven - 1) * place / max(1, shape.nodes - 1))
            host = NodeHost(NodeName(name), self, Disk(self.rng, self.later), pace)
            self.nodes[host.name] = host

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

    def saw_disk(self, node: NodeName, books: Books) -> None:
        """Books are durable on a node's disk."""
        self.tell(
            f"{node} has books: applied {books.applied}, frozen {_root(books.frozen)}, carries {len(books.carried)}"
        )
        self.witness.saw_disk(node, books)

    def wipe(self, host: NodeHost, why: str) -> None:
        """A node loses its disk."""
        host.crash(f"its disk is lost: {why}")
        self.witness.lost_disk(host)
        host.disk.wipe()
        self.witness.check_newest()

    def rot(self, host: NodeHost, digest: Digest) -> None:
        """A bit flips on a node's disk."""
        self.tell(f"a bit flips on the disk of {host.name}")
        host.disk.rotten.add(digest)
        self.witness.saw_rot(host, digest)

    def _saw_entry(self, entry: LedgerEntry, record: Record) -> None:
        decision = entry.decision()
        self.tell(f"register: {_spelled(decision, record)}")
        self.witness.saw_entry(entry)
        for watcher in self.on_entry:
            watcher(decision)


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
