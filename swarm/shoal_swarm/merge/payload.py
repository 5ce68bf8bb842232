"""A piece's value as bytes.

Of a pair, B travels on its side: first Bᵀ, then A, each a run of its own. So every block of an encoder holds
entries of one direction, and weak directions are not rounded to the steps of strong ones.
"""

from typing import assert_never

import numpy as np

from shoal_swarm.merge.codec import Codec, decode, encode, encoded_bytes, reach
from shoal_swarm.merge.limits import CONTRIBUTED_MAX
from shoal_swarm.merge.pieces import PairPiece, Piece, StretchPiece, piece_bytes
from shoal_swarm.merge.refusals import OutOfRange, PayloadRefused
from shoal_swarm.merge.values import Pair, Value


def pack(piece: Piece, value: Value, codec: Codec) -> bytes:
    """The bytes of a float32 value that fits its piece."""
    match value:
        case Pair(b, a):
            payload = encode(codec, b.T.reshape(-1)) + encode(codec, a.reshape(-1))
        case _:
            payload = encode(codec, value.reshape(-1))
    assert len(payload) == piece_bytes(piece, codec), f"{piece.name} does not have the shape of its piece"
    return payload


def unpack(piece: Piece, data: bytes | memoryview, codec: Codec) -> Value:
    """The value that was packed; whatever could not have been is refused."""
    runs = [decode(codec, run, count) for run, count in _runs(piece, data, codec)]
    match piece:
        case PairPiece(module):
            bt, a = runs
            return Pair(np.asarray(bt.reshape(module.rank, module.rows).T), a.reshape(module.rank, module.columns))
        case StretchPiece():
            return runs[0]
        case _:
            assert_never(piece)


def check_contributed(piece: Piece, data: bytes | memoryview, codec: Codec) -> None:
    """Refuse bytes that can't be merged as somebody's contribution; nothing is decoded for that."""
    for run, count in _runs(piece, data, codec):
        found = reach(codec, run, count)
        if not found < CONTRIBUTED_MAX:
            raise OutOfRange(
                piece.name,
                f"{piece.name} reaches {found:.3g}: what is merged stays below {CONTRIBUTED_MAX:.3g}. Lower the "
                "learning rate or go back to the last commit.",
            )


def _runs(piece: Piece, data: bytes | memoryview, codec: Codec) -> list[tuple[memoryview, int]]:
    """The encoder's runs in the bytes of a piece, and how many values each has."""
    expected = piece_bytes(piece, codec)
    if len(data) != expected:
        raise PayloadRefused(
            f"The payload of {piece.name} has {len(data)} bytes: in {codec} it takes {expected}. Ask its sender for it "
            "again."
        )
    whole = memoryview(data)
    match piece:
        case PairPiece(module):
            edge = encoded_bytes(codec, module.rows * module.rank)
            return [(whole[:edge], module.rows * module.rank), (whole[edge:], module.columns * module.rank)]
        case StretchPiece():
            return [(whole, piece.values)]
        case _:
            assert_never(piece)
