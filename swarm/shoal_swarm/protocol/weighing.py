"""What contributions count: decided by the sentinel with the cut, and foreseen by owners who merge ahead of it."""

from collections.abc import Callable, Iterable

from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.signed import Manifest

Weigh = Callable[[tuple[tuple[float, ...], ...], tuple[int, ...]], tuple[float, ...]]
"""`weigh(gram, counts)`: one weight per contributor; the Gram matrix is empty where the rules don't ask for it."""


def counts_of(manifests: Iterable[Manifest], rules: RunRules) -> tuple[int, ...]:
    """The examples that contributors claim, as far as the run believes them."""
    return tuple(min(manifest.examples, rules.weight_max) for manifest in manifests)
