"""A piece's value as bytes.

Of a pair, B travels on its side: first Bᵀ, then A, each a run of its own. So every block of an encoder holds
entries of one direction, and weak directions are not rounded to the steps of strong ones.
"""

from typing import assert_never

import numpy as np

from shoal_swarm.merge.codec import Codec, decode, encode, encoded_bytes
from shoal_swarm.merge.pieces import PairPiece, Piece, StretchPiece, piece_bytes
from shoal_swarm.merge.refusals import PayloadRefused
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
    expected = piece_bytes(piece, codec)
    if len(data) != expected:
        raise PayloadRefused(
            f"The payload of {piece.name} has {len(data)} bytes: in {codec} it takes {expected}. Ask its sender for it "
            "again."
        )
    match piece:
        case PairPiece(module):
            edge = encoded_bytes(codec, module.rows * module.rank)
            whole = memoryview(data)
            bt = decode(codec, whole[:edge], module.rows * module.rank).reshape(module.rank, module.rows)
            a = decode(codec, whole[edge:], module.columns * module.rank).reshape(module.rank, module.columns)
            return Pair(np.asarray(bt.T), a)
        case StretchPiece():
            return decode(codec, data, piece.values)
        case _:
            assert_never(piece)
