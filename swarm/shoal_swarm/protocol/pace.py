"""How many local steps a node takes between sync points: as many as agreed, fewer where it is too slow.

A node that is still training when the COMMIT comes has its work folded in late; one that is always slower
than the deadline would never be in a cut. So whoever is overtaken halves its steps, and whoever is in time
takes a little more again, up to what the run agreed on. All nodes come to be ready at about the same time,
and nobody has to measure anybody.
"""

from shoal_swarm.protocol.run_rules import RunRules

RECOVERY_ROUNDS = 8
"""Rounds in time that it takes from next to nothing back to the agreed number of steps."""


def steps_after(steps: int, rules: RunRules, *, was_ready: bool) -> int:
    """Local steps for the next round."""
    if not rules.is_paced:
        return rules.sync_every
    if not was_ready:
        return max(1, steps // 2)
    return min(rules.sync_every, steps + max(1, rules.sync_every // RECOVERY_ROUNDS))
