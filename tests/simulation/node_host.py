"""The shell of a simulated node: it does what its peer's run asks, on a simulated disk and network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal_swarm.protocol.folding import Books, Fold
from shoal_swarm.protocol.invariants import InvariantBroken
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.peer import events as on
from shoal_swarm.protocol.peer.knowledge import Identity
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.protocol.round_messages import Contribution, FromSentinel, Held
from tests.simulation.disk import NO_SPACE, Disk
from tests.simulation.forgery import forked
from tests.simulation.payloads import Blob, by_count
from tests.simulation.trainer import Trainer

if TYPE_CHECKING:
    from tests.simulation.world import World


@dataclass(slots=True)
class NodeHost:
    """One participant's machine: its disk outlives its processes."""

    name: NodeName
    world: "World"
    disk: Disk
    step_s: float
    process: "NodeProcess | None" = None
    boots: int = 0
    is_dead: bool = False
    """Never starts again."""
    is_two_faced: bool = False
    """Announces and publishes one thing now and another later, all well signed."""
    poisons: bool = False
    """Contributes what can't be merged."""
    lies: bool = False
    """Serves wrong bytes whenever it is asked."""

    def boot(self) -> None:
        """Start a process on what the disk holds."""
        if self.process is not None or self.is_dead:
            return
        self.boots += 1
        self.world.tell(f"{self.name} starts (boot {self.boots})")
        self.world.saw_disk(self.name, self.disk.books)
        self.process = NodeProcess(self)
        self.process.begin()

    def crash(self, why: str) -> None:
        """Stop the process, wherever it is; what was not synced may be lost."""
        if self.process is None:
            return
        self.world.tell(f"{self.name} crashes: {why}")
        self.process.is_alive = False
        self.process = None
        self.disk.crash()


class NodeProcess:
    """One start of a node's process."""

    def __init__(self, host: NodeHost) -> None:
        self.host, self.world, self.disk = host, host.world, host.disk
        self.is_alive = True
        self.asleep_until = 0.0
        self.spool: dict[Digest, Blob] = {}
        self.trainer = Trainer(self)
        identity = Identity(
            node=host.name,
            boot_nonce=f"{host.name}/{host.boots}",
            address=f"{host.name}:{host.boots}",
            fit=self.world.fit,
            sign=self.world.signer(host.name),
            verify=self.world.verify,
        )
        found = self.disk.read_back()
        self.run = PeerRun(
            identity,
            self.world.rules,
            self.world.timing,
            self.world.now,
            weigh=by_count,
            books=found.books,
            ledger=found.ledger,
            blobs=found.blobs,
        )

    def begin(self) -> None:
        """Do what the disk's state asks for, then tick."""
        self._perform(self.run.start(self.world.now))
        self._tick()

    def deliver(self, event: on.Event) -> None:
        """Hand an event to the run and do what follows."""
        if not self.is_alive:
            return
        if self.world.now < self.asleep_until:
            self.world.at(self.asleep_until, self.deliver, event)
            return
        self._perform(self.run.handle(event, self.world.now))

    def hear(self, message: FromSentinel) -> None:
        """A message from a sentinel."""
        self.deliver(on.Received(message))

    def offer(self, offer: on.Offered, blobs: list[Blob]) -> None:
        """The trainer's work, in the spool."""
        for blob in blobs:
            self.spool[blob.digest] = blob
        self.deliver(offer)

    def base_blobs(self, base: int) -> list[Blob]:
        """The pieces of a COMMIT, from this node's disk."""
        commit = self.run.knowledge.commits[base]
        pieces = self.run.knowledge.pieces_of_commit(commit)
        assert pieces is not None
        return [self._counted_on(piece) for piece in pieces]

    def read_fold(self, fold: Fold) -> None:
        """Late work is folded in by its difference from its base, so both must be on this disk."""
        carried = next(kept for kept in self.run.knowledge.books.carried if kept.root == fold.root)
        for piece in carried.pieces:
            self._counted_on(piece)
        self.base_blobs(fold.base)

    def serve(self, digests: tuple[Digest, ...], asker: "NodeProcess") -> None:
        """Answer another node that wants bytes."""
        if not self.is_alive:
            return
        if self.world.now < self.asleep_until:
            self.world.at(self.asleep_until, self.serve, digests, asker)
            return
        found = [self.disk.blobs[digest] for digest in digests if digest in self.disk.blobs]
        if self.host.lies or self.disk.rotten:
            found = [self._as_served(blob) for blob in found]
        lacking = tuple(digest for digest in digests if digest not in self.disk.blobs)
        self.world.network.carry(self.host.name, asker.host.name, asker.receive, self.host.name, found, lacking)

    def receive(self, holder: NodeName, blobs: list[Blob], lacking: tuple[Digest, ...]) -> None:
        """Bytes from another node; they lie in the spool until somebody wants them kept."""
        if not self.is_alive:
            return
        for blob in blobs:
            self.spool[blob.digest] = blob
        if blobs:
            self.deliver(on.Fetched(holder, tuple(blob.digest for blob in blobs)))
        if lacking:
            self.deliver(on.FetchFailed(holder, lacking))

    def receive_list(self, holder: NodeName, root: Digest, blobs: list[Blob], lacking: tuple[Digest, ...]) -> None:
        """A list from another node."""
        if lacking or not self.is_alive:
            self.deliver(on.FetchFailed(holder, (root,)))
            return
        content = blobs[0].content
        listed = content if isinstance(content, tuple) and content and isinstance(content[0], bytes) else ()
        self.deliver(on.ListFetched(holder, root, listed))

    def _as_served(self, blob: Blob) -> Blob:
        if self.host.lies:
            return self.world.garbage()
        if blob.digest in self.disk.rotten:
            self.deliver(on.BlobLost(blob.digest))
            return self.world.garbage()
        return blob

    def _tick(self) -> None:
        if not self.is_alive:
            return
        if self.world.now >= self.asleep_until:
            self.deliver(on.Ticked())
        self.world.later(self.world.timing.tick_s, self._tick)

    def _perform(self, effects: list[do.Effect]) -> None:
        for effect in effects:
            if self.world.watchers and self.world.at_boundary(self.host, effect):
                return
            if not self.is_alive:
                return
            _DO[type(effect)](self, effect)

    def _send(self, effect: do.Send) -> None:
        if isinstance(effect.message, Contribution | Held):
            self.world.witness.heard_claim(self.host, effect.message)
        message = forked(self, effect.message) if self.host.is_two_faced else effect.message
        for sentinel in self.world.sentinels.values():
            self.world.network.carry(self.host.name, sentinel.name, sentinel.hear, self.host.name, message, self)

    def _fetch(self, effect: do.Fetch) -> None:
        self.world.network.carry(
            self.host.name, effect.holder, _serve, self.world.nodes[effect.holder], effect.digests, self
        )

    def _fetch_list(self, effect: do.FetchList) -> None:
        if effect.holder == self.host.name:
            blob = self.disk.blobs.get(effect.root)
            found, lacking = ([], (effect.root,)) if blob is None else ([blob], ())
            self.world.later(0.01, self.receive_list, self.host.name, effect.root, found, lacking)
            return
        holder = self.world.nodes[effect.holder]
        self.world.network.carry(self.host.name, holder.name, _serve_list, holder, effect.root, self)

    def _keep_blobs(self, effect: do.KeepBlobs) -> None:
        blobs = [(digest, self._at_hand(digest)) for digest in effect.digests]
        self.disk.beside(lambda: self.disk.keep(blobs), lambda ok: self._kept(ok, on.BlobsKept(effect.digests)))

    def _drop_blobs(self, effect: do.DropBlobs) -> None:
        self.disk.drop(effect.digests)

    def _drop_inputs(self, effect: do.DropInputs) -> None:
        for digest in effect.digests:
            self.spool.pop(digest, None)

    def _write_books(self, effect: do.WriteBooks) -> None:
        self.disk.beside(lambda: self.disk.write_books(effect.books), lambda ok: self._books_kept(ok, effect.books))

    def _books_kept(self, ok: bool, books: Books) -> None:
        if ok:
            self.world.saw_disk(self.host.name, books)
        self._kept(ok, on.BooksKept())

    def _append_ledger(self, effect: do.AppendLedger) -> None:
        length = effect.entries[-1].index + 1
        self.disk.beside(
            lambda: self.disk.append_ledger(effect.entries),
            lambda ok: self._kept(ok, on.LedgerKept(length)),
            in_order=True,
        )

    def _kept(self, ok: bool, event: on.Event) -> None:
        self.deliver(event if ok else on.DiskFailed(NO_SPACE))

    def _merge(self, effect: do.MergeShare) -> None:
        if not self.is_alive or self.run.owner.key != (effect.round, effect.attempt):
            return
        lost = self._rotten((*effect.base, *(piece for one in effect.inputs for piece in one.pieces)))
        if lost:
            for digest in lost:
                self.world.later(0.0, self.deliver, on.BlobLost(digest))
            self.world.later(0.5, self._merge, effect)  # when it has been fetched again
            return
        if any(not self.world.poison.isdisjoint(one.pieces) for one in effect.inputs):
            raise InvariantBroken("I3 is broken: a contribution that can't be merged is in the cut.")
        base = [self._counted_on(piece) for piece in effect.base]
        inputs = [(one.weight, [self._at_hand(piece) for piece in one.pieces]) for one in effect.inputs]
        blobs = self.world.payloads.merged(effect.first, base, inputs)
        pieces = tuple(blob.digest for blob in blobs)
        listed = self.world.list_blob(pieces)
        for blob in [listed, *blobs]:
            self.spool[blob.digest] = blob
        self.world.witness.saw_merge(effect, listed.digest)
        self.world.later(0.05, self.deliver, on.ShareMerged(effect.round, effect.attempt, pieces))

    def _merge_ahead(self, effect: do.MergeAhead) -> None:
        for offset in effect.offsets:
            for one in effect.order.inputs:
                self._at_hand(one.pieces[offset])

    def _examine(self, effect: do.Examine) -> None:
        bad = self.world.poison.intersection(effect.input.pieces[offset] for offset in effect.offsets)
        problem = "It is no number." if bad else None
        found = on.Examined(effect.round, effect.attempt, effect.input.root, effect.offsets, problem)
        self.world.later(0.002, self.deliver, found)

    def _measure(self, effect: do.MeasureGram) -> None:
        roots = tuple(one.root for one in effect.inputs)
        rows = tuple(tuple(1.0 if a == b else 0.5 for b in roots) for a in roots)
        self.world.later(0.05, self.deliver, on.GramMeasured(effect.round, effect.attempt, roots, rows))

    def _at_hand(self, digest: Digest) -> Blob:
        return self.spool.get(digest) or self._counted_on(digest)

    def _rotten(self, digests: tuple[Digest, ...]) -> list[Digest]:
        """Blobs that reading finds damaged, and that are not in the spool either."""
        stored = [one for one in dict.fromkeys(digests) if one not in self.spool and one in self.disk.blobs]
        return [one for one in stored if self.disk.read(one) is None]

    def _counted_on(self, digest: Digest) -> Blob:
        """Bytes that the run believes to be here."""
        blob = self.disk.blobs.get(digest)
        if blob is None:
            raise InvariantBroken("I5 is broken: a node counts on bytes that it does not have.")
        return blob

    def _train(self, effect: do.Train) -> None:
        self.trainer.train(effect)

    def _train_on(self, effect: do.TrainOn) -> None:
        self.trainer.train_on(effect.steps)

    def _stop(self, effect: do.Stop) -> None:
        self.world.stopped(self.host, effect.reason)

    def _alarm(self, effect: do.Alarm) -> None:
        self.world.alarm(self.host.name, effect.sentence)


def _serve(host: NodeHost, digests: tuple[Digest, ...], asker: NodeProcess) -> None:
    if host.process is not None:
        host.process.serve(digests, asker)


def _serve_list(host: NodeHost, root: Digest, asker: NodeProcess) -> None:
    process = host.process
    if process is None:
        return
    blob = process.disk.blobs.get(root)
    found = [] if blob is None else [process._as_served(blob)]
    lacking = () if found else (root,)
    host.world.network.carry(host.name, asker.host.name, asker.receive_list, host.name, root, found, lacking)


_DO: dict[type, Callable[..., None]] = {
    do.Send: NodeProcess._send,
    do.Fetch: NodeProcess._fetch,
    do.FetchList: NodeProcess._fetch_list,
    do.KeepBlobs: NodeProcess._keep_blobs,
    do.DropBlobs: NodeProcess._drop_blobs,
    do.DropInputs: NodeProcess._drop_inputs,
    do.WriteBooks: NodeProcess._write_books,
    do.AppendLedger: NodeProcess._append_ledger,
    do.Examine: NodeProcess._examine,
    do.MergeShare: NodeProcess._merge,
    do.MergeAhead: NodeProcess._merge_ahead,
    do.MeasureGram: NodeProcess._measure,
    do.Train: NodeProcess._train,
    do.TrainOn: NodeProcess._train_on,
    do.Stop: NodeProcess._stop,
    do.Alarm: NodeProcess._alarm,
}
