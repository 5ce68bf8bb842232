"""A share merged: bytes of contributions in, bytes of the result out. Pure; the host brings the bytes.

Pairs travel as absolute values. Dense tensors are contributed as differences from the last COMMIT, so that the
codec's steps fit the change, and come out as absolute values. Where a codec rounds nothing they are absolute too, for
adding a difference up again would only lose bits, and so they are before the first COMMIT, when there is nothing to
differ from.
"""

from collections.abc import Callable, Sequence

from shoal_base.errors import PeerRefused
from shoal_swarm.merge import (
    Codec,
    MergeRefused,
    PairPiece,
    Piece,
    Plan,
    Value,
    check_contributed,
    combine,
    narrowed,
    pack,
    unpack,
)
from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.peer.effects import Examine, MergeShare

Read = Callable[[Digest], bytes]


def check_lists(pieces: Sequence[Piece], order: MergeShare) -> None:
    """Refuse lists that do not fit each other, or the `pieces` of the whole adapter."""
    count = len(order.inputs[0].pieces)
    odd = [str(one.node) for one in order.inputs if len(one.pieces) != count]
    if odd or order.first + count > len(pieces):
        raise PeerRefused(
            f"The lists of {', '.join(odd) or order.inputs[0].node} do not have a piece for each of the run."
        )


def problem_in(plan: Plan, pieces: Sequence[Piece], look: Examine, read: Read) -> str | None:
    """Why these pieces of a contribution can't be merged, in a sentence; None if they can."""
    try:
        for offset in look.offsets:
            check_contributed(pieces[look.first + offset], read(look.input.pieces[offset]), plan.codec)
    except MergeRefused as refusal:
        return str(refusal)
    return None


def merged_piece(plan: Plan, piece: Piece, offset: int, order: MergeShare, read: Read) -> bytes:
    """The payload of a piece of the share, counted from its first."""
    absolute = is_absolute(piece, plan.codec) or not order.base
    payloads = {str(one.node): read(one.pieces[offset]) for one in order.inputs}
    if len(payloads) == 1 and absolute:
        return next(iter(payloads.values()))
    values = {node: unpack(piece, payload, plan.codec) for node, payload in payloads.items()}
    weights = {str(one.node): one.weight for one in order.inputs}
    value = combine(plan, piece, values, weights).value
    if not absolute:
        value = added(piece, unpack(piece, read(order.base[offset]), plan.codec), value, plan.codec)
    return pack(piece, value, plan.codec)


def is_absolute(piece: Piece, codec: Codec) -> bool:
    """Whether a piece is contributed as it is, and not as a difference from the last COMMIT."""
    return isinstance(piece, PairPiece) or codec is Codec.FP32


def added(piece: Piece, base: Value, change: Value, codec: Codec) -> Value:
    """A dense stretch after a change."""
    assert not isinstance(piece, PairPiece), f"pairs are absolute, in {codec} as in every codec"
    return narrowed(piece.name, base + change)  # type: ignore[operator]
