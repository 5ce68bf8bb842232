"""The simulated trainer: units of work, sync points, late work folded in, drift."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shoal_swarm.protocol.digests import list_root
from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.peer.effects import Train
from shoal_swarm.protocol.peer.events import Offered
from tests.simulation.payloads import Blob

if TYPE_CHECKING:
    from tests.simulation.node_host import NodeProcess


@dataclass(slots=True)
class Trainer:
    """Dies with its process; what was never frozen dies with it."""

    process: "NodeProcess"
    base: int = -2
    steps: int = 0
    own: list[int] = field(default_factory=list)
    """Units trained since the base, and older ones that nobody looks after."""
    folded: tuple[int, ...] = ()
    folds: tuple[Digest, ...] = ()
    _offered: dict[Digest, tuple[int, ...]] = field(default_factory=dict)
    _turn: int = 0

    def train(self, effect: Train) -> None:
        """Go on from a COMMIT."""
        if effect.spoken_for is not None:
            spoken = set(self._offered.get(effect.spoken_for, ()))
            self.own = [unit for unit in self.own if unit not in spoken]
        self.base, self.steps = effect.base, 0
        world = self.process.world
        self.folds = self.process.run.knowledge.books.carried_roots
        self.folded = tuple(unit for fold in effect.folds for unit in world.witness.units_of[fold.root])
        for fold in effect.folds:
            self.process.read_fold(fold)
        self._schedule(effect.steps)

    def train_on(self, steps: int) -> None:
        """Drift up to so many steps."""
        self._schedule(steps - self.steps)

    def _schedule(self, steps: int) -> None:
        self._turn += 1
        world = self.process.world
        pace = self.process.host.step_s * world.rng.uniform(1 - world.shape.jitter, 1 + world.shape.jitter)
        world.later(steps * pace, self._sync, self._turn, steps)

    def _sync(self, turn: int, steps: int) -> None:
        if turn != self._turn or not self.process.is_alive:
            return
        self.steps += steps
        world = self.process.world
        unit = world.next_unit()
        if self.base < 0:
            units: tuple[int, ...] = (unit,)
            blobs: Sequence[Blob] = world.payloads.first(unit)
        else:
            self.own.append(unit)
            units = (*self.folded, *self.own)
            blobs = world.payloads.trained(self.process.base_blobs(self.base), units)
        if self.process.host.poisons and self.base >= 0:
            blobs = world.poisoned(blobs)
        pieces = tuple(blob.digest for blob in blobs)
        root = list_root(pieces)
        self._offered[root] = tuple(self.own)
        world.pieces_under[root] = list(blobs)
        world.witness.units_of[root] = () if self.base < 0 else units
        self.process.offer(
            Offered(self.base, root, pieces, 100 + unit % 7, self.steps, self.folds), [Blob(root, pieces), *blobs]
        )
