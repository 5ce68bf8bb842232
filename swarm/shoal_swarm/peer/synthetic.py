"""A contributor that learns nothing: a made-up adapter, changed a little in every round, each node its own way.

It stands where a trainer will stand and asks for no data, so a swarm can be tried on any machine. What it makes
follows from the run, the node and the round alone; two nodes that start over make the same bytes again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shoal_base.logs import get_log
from shoal_swarm.merge import (
    AdapterSpec,
    DenseSpec,
    ModuleSpec,
    Pair,
    PairPiece,
    Piece,
    Plan,
    Value,
    narrowed,
    pack,
    unpack,
)
from shoal_swarm.peer.contributing import Assignment, Bench, Made, Read
from shoal_swarm.peer.fitting import fit
from shoal_swarm.peer.late import contributed, late_changes, with_late_work
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO

RANK = 8
LABELS = 4
MODULES = 24
EDGE_MIN, EDGE_MAX = 8, 4096
DENSE_PART = 0.1
"""How much of the adapter is a head that is trained whole."""
CHANGE = 0.02
_FLOAT_BYTES = 4


def synthetic_spec(adapter_bytes: int) -> AdapterSpec:
    """LoRA pairs and a dense head of about so many bytes in float32."""
    values = adapter_bytes // _FLOAT_BYTES
    in_pairs = int(values * (1 - DENSE_PART))
    edge = min(max(in_pairs // (MODULES * 2 * RANK), EDGE_MIN), EDGE_MAX)
    modules = max(1, in_pairs // (edge * 2 * RANK))
    pairs = [ModuleSpec(f"layer-{index:05}", edge, edge, RANK) for index in range(modules)]
    return AdapterSpec.of(pairs, [DenseSpec("head", (LABELS, max(1, int(values * DENSE_PART) // LABELS)))])


def fit_of(spec: AdapterSpec, plan: Plan) -> Fit:
    """What nodes with made-up work must have in common."""
    return fit(
        spec,
        plan,
        base_model=digest_of(b"synthetic base model"),
        tokenizer=digest_of(b"no tokenizer"),
        labels=digest_of(b"no labels"),
    )


@dataclass(frozen=True, slots=True)
class Synthetic:
    """One node's contributor."""

    run: str
    node: str
    plan: Plan
    pieces: Sequence[Piece]

    @property
    def examples(self) -> int:
        """How many examples it claims; nodes differ, so that weights matter."""
        return 100 + digest_of(self.node.encode())[0]

    async def train(self, order: Assignment, bench: Bench) -> Made | None:
        """Make a contribution at once."""
        payloads = await bench.compute(lambda: self.contribution(order, bench.read))
        return None if payloads is None else Made(payloads, self.examples, order.steps)

    async def train_on(self, steps: int, _bench: Bench) -> None:
        """Made-up work does not get better by waiting."""
        get_log().info("drift_declined", steps=steps)

    async def finish(self, _order: Assignment, _ledger: Sequence[LedgerEntry], _bench: Bench) -> None:
        """Nobody wants the result."""

    def facts(self) -> Mapping[str, Any]:
        """There is nothing to tell."""
        return {}

    def contribution(self, order: Assignment, read: Read) -> list[bytes]:
        """The payload of every piece: the base with late work folded in, and changed a little."""
        return [self._payload(index, piece, order, read) for index, piece in enumerate(self.pieces)]

    def _payload(self, index: int, piece: Piece, order: Assignment, read: Read) -> bytes:
        codec = self.plan.codec
        if order.base == BEFORE_ROUND_ZERO:
            return pack(piece, self._noise(piece, index, order.base, "everybody", 0.1), codec)
        base = unpack(piece, read(order.pieces[index]), codec)
        changes = late_changes(order.late, index, read)
        start = with_late_work(piece, codec, base, changes)
        return contributed(piece, codec, self._changed(piece, index, order.base, start), base)

    def _changed(self, piece: Piece, index: int, base: int, start: Value) -> Value:
        change = self._noise(piece, index, base, self.node, CHANGE)
        match start, change:
            case Pair(), Pair():
                return narrowed(piece.name, Pair(start.b + change.b, start.a + change.a))
            case _:
                assert not isinstance(start, Pair), f"{piece.name} holds an array"
                assert not isinstance(change, Pair), f"{piece.name} holds an array"
                return narrowed(piece.name, start + change)

    def _noise(self, piece: Piece, index: int, base: int, who: str, size: float) -> Value:
        seed = digest_of(f"{self.run}/{who}/{base}/{index}".encode())
        chance = np.random.default_rng(int.from_bytes(seed[:16]))
        if isinstance(piece, PairPiece):
            module = piece.module
            bt, a = (_spread(chance, size, (module.rank, side)) for side in (module.rows, module.columns))
            return Pair(np.asarray(bt.T), a)
        return _spread(chance, size, (piece.values,))


def _spread(chance: np.random.Generator, size: float, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Evenly up to `size`, out of plain random bytes: what is made up should cost little beside what is real."""
    bits = np.frombuffer(chance.bytes(2 * math.prod(shape)), dtype="<i2")
    spread: npt.NDArray[np.float32] = np.multiply(bits, np.float32(size / 2**15), dtype=np.float32)
    return spread.reshape(shape)
