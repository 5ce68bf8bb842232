"""What a run promises before it starts: the part of its configuration that decides rounds."""

from shoal_swarm.protocol.names import Digest, RunId, Value
from shoal_swarm.protocol.signed import EXAMPLES_MAX


class RunRules(Value, frozen=True):
    """The rules of one run; every member holds the same ones, and `config_hash` proves it."""

    run: RunId
    config_hash: Digest
    """Hash of the whole configuration, model and training included; differing ones never meet."""
    min_nodes: int
    """Quorum: fewer contributors than this make no round."""
    rounds: int
    """Index of the last round; round zero only publishes the adapter that all start from."""
    copies: int = 2
    """Nodes that must hold every result durably before COMMIT; 1 only by explicit choice."""
    sync_every: int = 16
    """Local steps from one sync point to the next."""
    drift_cap: int = 64
    """Local steps after which a trainer that hears no sentinel stops and waits."""
    is_paced: bool = True
    """Whether a node that is too slow takes fewer steps; not where rounds wait for everybody, so that all runs of
    one configuration end with the same bytes."""
    owners_max: int = 1000
    """Nodes among which a round's pieces are split, at most; 1 makes a star of every round."""
    weight_max: int = EXAMPLES_MAX
    """Whoever claims more examples weighs no more than this; claims can't be checked, so only a bound holds."""
    needs_gram: bool = False
    """Whether weights are decided from the Gram matrix."""
    pieces_listed_max: int = 512
    """Up to so many pieces COMMIT lists every hash; beyond, one root per owner and lists travel between nodes."""

    def quorum(self, round_index: int) -> int:
        """Contributors that a cut needs: round zero has one by design."""
        return 1 if round_index == 0 else self.min_nodes
