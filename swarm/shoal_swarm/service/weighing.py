"""Weights by numbers of examples, as the merge counts them."""

from shoal_swarm.merge.means import shares


def weigh_by_examples(_gram: tuple[tuple[float, ...], ...], counts: tuple[int, ...]) -> tuple[float, ...]:
    """Everybody counts by the number of examples; one that claims none counts as one."""
    weights = {str(place): max(1, count) for place, count in enumerate(counts)}
    parts = shares(weights)
    return tuple(parts[str(place)] for place in range(len(counts)))
