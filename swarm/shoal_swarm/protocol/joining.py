"""Joining: adapters can only be merged if they fit, and the first admitted node decides what fits.

A node that differs is not silently averaged in; it is told in which respects it differs.
"""

from shoal_swarm.protocol.names import Digest, Value
from shoal_swarm.protocol.pieces import PIECES_MAX, PieceRun


class Fit(Value, frozen=True):
    """What two nodes must have in common to merge their work."""

    adapter_shape: Digest
    base_model: Digest
    tokenizer: Digest
    labels: Digest
    pieces: tuple[PieceRun, ...]
    """Sizes of the pieces, in order; follows from the shape and tells the sentinel how to split them."""

    def __post_init__(self) -> None:
        """Refuse to be decoded where counting the pieces would be an attack."""
        if self.piece_count > PIECES_MAX:
            raise ValueError(f"{self.piece_count} pieces are more than {PIECES_MAX}")

    @property
    def total_bytes(self) -> int:
        """Bytes of one contribution."""
        return sum(run.count * run.piece_bytes for run in self.pieces)

    @property
    def piece_count(self) -> int:
        """Pieces of one contribution."""
        return sum(run.count for run in self.pieces)


_RESPECTS = (
    ("adapter_shape", "adapter shape", "use the task's lora section unchanged"),
    ("base_model", "base model", "fetch the model and revision that the task names"),
    ("tokenizer", "tokenizer", "use the tokenizer that belongs to the base model"),
    ("labels", "labels", "use the task's labels in the task's order"),
    ("pieces", "piece sizes", "run the same version of shoal"),
)


def differences(agreed: Fit | None, offered: Fit) -> tuple[str, ...]:
    """In which respects a newcomer does not fit, a sentence each; none for the first one, who decides."""
    if agreed is None or agreed == offered:
        return ()
    return tuple(
        f"{title} {_short(getattr(offered, name))} differs from the run's {_short(getattr(agreed, name))}: {remedy}."
        for name, title, remedy in _RESPECTS
        if getattr(offered, name) != getattr(agreed, name)
    )


def _short(value: object) -> str:
    return (
        value.hex()[:12]
        if isinstance(value, bytes)
        else f"list of {len(value)} runs"
        if isinstance(value, tuple)
        else str(value)
    )
