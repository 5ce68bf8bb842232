"""Work that came too late for its round, folded into a newer base, piece by piece. Pure; the host brings the bytes.

What is folded in is what a contribution changed: against the COMMIT that it was trained from, or, where a trainer
went on beyond a contribution that the protocol looks after, against that contribution.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shoal_swarm.merge import Codec, Pair, Piece, Value, fold_array, fold_pair, narrowed, pack, strength, unpack
from shoal_swarm.peer.merging import is_absolute
from shoal_swarm.protocol.names import Digest

Read = Callable[[Digest], bytes]


@dataclass(frozen=True, slots=True)
class Late:
    """A late contribution: its own pieces, those of the COMMIT it was trained from, and how old it is."""

    own: Sequence[Digest]
    old: Sequence[Digest]
    age: int


@dataclass(frozen=True, slots=True)
class Change:
    """One piece of late work, as bytes."""

    own: bytes
    old: bytes
    age: int
    from_commit: bool = True
    """Whether `old` is of the COMMIT that the work was trained from; differences are counted from there already."""


def late_changes(late: Iterable[Late], index: int, read: Read) -> list[Change]:
    """What late contributions say about one piece."""
    return [Change(read(one.own[index]), read(one.old[index]), one.age) for one in late]


def with_late_work(piece: Piece, codec: Codec, base: Value, changes: Iterable[Change]) -> Value:
    """A piece of the newest COMMIT with late work in it."""
    for change in changes:
        base = _folded(piece, codec, base, change)
    return base


def _folded(piece: Piece, codec: Codec, base: Value, change: Change) -> Value:
    own, old = unpack(piece, change.own, codec), unpack(piece, change.old, codec)
    match base, own, old:
        case Pair(), Pair(), Pair():
            return narrowed(piece.name, fold_pair(base, own, old, strength(change.age))[0])
        case _:
            assert not isinstance(base, Pair), f"{piece.name} holds an array"
            assert not isinstance(own, Pair), f"{piece.name} holds an array"
            assert not isinstance(old, Pair), f"{piece.name} holds an array"
            is_difference = change.from_commit and not is_absolute(piece, codec)
            return narrowed(piece.name, fold_array(base, own, 0 * own if is_difference else old, strength(change.age)))


def contributed(piece: Piece, codec: Codec, value: Value, base: Value | None) -> bytes:
    """The payload of a piece that was trained from `base`; None before the first COMMIT."""
    if isinstance(value, Pair) or base is None or is_absolute(piece, codec):
        return pack(piece, value, codec)
    assert not isinstance(base, Pair), f"{piece.name} holds an array"
    return pack(piece, narrowed(piece.name, value - base), codec)
