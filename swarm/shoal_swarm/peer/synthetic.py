"""A contributor that learns nothing: a made-up adapter, changed a little in every round, each node its own way.

It stands where a trainer will stand and asks for no data, so a swarm can be tried on any machine. What it makes
follows from the run, the node and the round alone; two nodes that start over make the same bytes again.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shoal_swarm.merge import (
    AdapterSpec,
    Combine,
    DenseSpec,
    ModuleSpec,
    Pair,
    PairPiece,
    Piece,
    Plan,
    Value,
    fold_array,
    fold_pair,
    merge_cost,
    narrowed,
    pack,
    piece_bytes,
    plan_pieces,
    strength,
    unpack,
)
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest
from shoal_swarm.protocol.pieces import PieceRun

RANK = 8
LABELS = 4
MODULES = 24
EDGE_MIN, EDGE_MAX = 8, 4096
DENSE_PART = 0.1
"""How much of the adapter is a head that is trained whole."""
CHANGE = 0.02
TYPICAL_CONTRIBUTORS = 3
"""For how many the work of owners is estimated; only how pieces compare matters."""
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Late:
    """Late work that is to be folded in: its own pieces, those it was trained from, and how old it is."""

    own: Sequence[Digest]
    old: Sequence[Digest]
    age: int


def synthetic_spec(adapter_bytes: int) -> AdapterSpec:
    """LoRA pairs and a dense head of about so many bytes in float32."""
    values = adapter_bytes // _FLOAT_BYTES
    in_pairs = int(values * (1 - DENSE_PART))
    edge = min(max(in_pairs // (MODULES * 2 * RANK), EDGE_MIN), EDGE_MAX)
    modules = max(1, in_pairs // (edge * 2 * RANK))
    pairs = [ModuleSpec(f"layer-{index:05}", edge, edge, RANK) for index in range(modules)]
    return AdapterSpec.of(pairs, [DenseSpec("head", (LABELS, max(1, int(values * DENSE_PART) // LABELS)))])


def fit_of(spec: AdapterSpec, plan: Plan) -> Fit:
    """What nodes must have in common to merge their work."""
    is_exact = plan.combine is Combine.EXACT
    kinds = (
        (piece_bytes(piece, plan.codec), int(merge_cost(piece, TYPICAL_CONTRIBUTORS, exact=is_exact)))
        for piece in plan_pieces(spec)
    )
    runs = [
        PieceRun(count=len(list(alike)), piece_bytes=size, cost=cost)
        for (size, cost), alike in itertools.groupby(kinds)
    ]
    return Fit(
        adapter_shape=Digest(spec.digest()),
        base_model=digest_of(b"synthetic base model"),
        tokenizer=digest_of(b"no tokenizer"),
        labels=digest_of(b"no labels"),
        pieces=tuple(runs),
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

    def contribution(
        self, base: int, base_pieces: Sequence[Digest], late: Sequence[Late], read: Callable[[Digest], bytes]
    ) -> list[bytes]:
        """The payload of every piece: the base with late work folded in, and changed a little."""
        return [self._payload(index, piece, base, base_pieces, late, read) for index, piece in enumerate(self.pieces)]

    def _payload(
        self,
        index: int,
        piece: Piece,
        base: int,
        base_pieces: Sequence[Digest],
        late: Sequence[Late],
        read: Callable[[Digest], bytes],
    ) -> bytes:
        codec = self.plan.codec
        if base == BEFORE_ROUND_ZERO:
            return pack(piece, self._noise(piece, index, base, "everybody", 0.1), codec)

        def value(digest: Digest) -> Value:
            return unpack(piece, read(digest), codec)

        change = self._noise(piece, index, base, self.node, CHANGE)
        match change:
            case Pair():
                new = value(base_pieces[index])
                assert isinstance(new, Pair), "a pair's piece holds a pair"
                for one in late:
                    new = self._folded(piece, new, value(one.own[index]), value(one.old[index]), one.age)
                return pack(piece, narrowed(piece.name, Pair(new.b + change.b, new.a + change.a)), codec)
            case _:
                for one in late:  # it was contributed as a difference from what it was trained from
                    own = value(one.own[index])
                    assert not isinstance(own, Pair), "a stretch holds an array"
                    nothing = np.zeros_like(own)
                    change = fold_array(change, own, nothing, strength(one.age))
                return pack(piece, narrowed(piece.name, change), codec)

    def _folded(self, piece: Piece, new: Pair, own: Value, old: Value, age: int) -> Pair:
        assert isinstance(own, Pair), f"{piece.name} holds a pair"
        assert isinstance(old, Pair), f"{piece.name} holds a pair"
        folded, _spectrum = fold_pair(new, own, old, strength(age))
        return folded

    def _noise(self, piece: Piece, index: int, base: int, who: str, size: float) -> Value:
        seed = digest_of(f"{self.run}/{who}/{base}/{index}".encode())
        chance = np.random.default_rng(int.from_bytes(seed[:16]))
        if isinstance(piece, PairPiece):
            module = piece.module
            return Pair(
                size * chance.standard_normal((module.rows, module.rank), dtype=np.float32),
                size * chance.standard_normal((module.rank, module.columns), dtype=np.float32),
            )
        return size * chance.standard_normal(piece.values, dtype=np.float32)
