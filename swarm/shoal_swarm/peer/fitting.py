"""What nodes must have in common to merge their work, from the description of their adapters."""

import itertools
from typing import Final

from shoal_swarm.merge import AdapterSpec, Combine, Plan, merge_cost, piece_bytes, plan_pieces
from shoal_swarm.protocol.joining import Fit
from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.pieces import PieceRun

TYPICAL_CONTRIBUTORS: Final = 3
"""For how many the work of owners is estimated; only how pieces compare matters."""


def fit(spec: AdapterSpec, plan: Plan, *, base_model: bytes, tokenizer: bytes, labels: bytes) -> Fit:
    """The description, the hashes beside it, and the sizes of the pieces that follow."""
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
        base_model=Digest(base_model),
        tokenizer=Digest(tokenizer),
        labels=Digest(labels),
        pieces=tuple(runs),
    )
