"""The algebra of adapters: pure numpy, no clock, no file, no randomness.

Five nouns. An `AdapterSpec` says what the adapters of a run look like; an `Adapter` is one, as pairs and dense
tensors. It is cut into pieces, which are packed into bytes by a `Codec`, merged one at a time under the rules of a
`Plan`, and put together again. Whoever brings something that does not fit gets a `MergeRefused`.

    node     admit → cut → pack ─┐
    owner                        └─► check_contributed → unpack → combine → pack ─┐
    node     aligned, or fold_pair when late ◄─ join ◄─ unpack ◄──────────────────┘
"""

from shoal_swarm.merge.admission import admit
from shoal_swarm.merge.alignment import aligned
from shoal_swarm.merge.codec import Codec
from shoal_swarm.merge.exact import Spectrum, exact_merge
from shoal_swarm.merge.folding import fold_array, fold_pair, strength
from shoal_swarm.merge.payload import check_contributed, pack, unpack
from shoal_swarm.merge.pieces import (
    PairPiece,
    Piece,
    StretchPiece,
    cut,
    join,
    merge_cost,
    piece_bytes,
    plan_pieces,
)
from shoal_swarm.merge.plan import Combine, Dense, Merged, Plan, Weigh, combine
from shoal_swarm.merge.refusals import MergeRefused, PlanRefused
from shoal_swarm.merge.spec import AdapterSpec, DenseSpec, ModuleSpec, differences
from shoal_swarm.merge.values import Adapter, Pair, Value, narrowed

__all__ = [
    "Adapter",
    "AdapterSpec",
    "Codec",
    "Combine",
    "Dense",
    "DenseSpec",
    "MergeRefused",
    "Merged",
    "ModuleSpec",
    "Pair",
    "PairPiece",
    "Piece",
    "Plan",
    "PlanRefused",
    "Spectrum",
    "StretchPiece",
    "Value",
    "Weigh",
    "admit",
    "aligned",
    "check_contributed",
    "combine",
    "cut",
    "differences",
    "exact_merge",
    "fold_array",
    "fold_pair",
    "join",
    "merge_cost",
    "narrowed",
    "pack",
    "piece_bytes",
    "plan_pieces",
    "strength",
    "unpack",
]
