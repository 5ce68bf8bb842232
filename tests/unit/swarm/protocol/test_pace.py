"""Promise: who is overtaken takes fewer steps, who is in time comes back to the agreed number, nobody takes none."""

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import RunId
from shoal_swarm.protocol.pace import steps_after
from shoal_swarm.protocol.run_rules import RunRules

RULES = RunRules(run=RunId("run"), config_hash=digest_of(b""), min_nodes=2, rounds=9, sync_every=16)


def test_who_is_overtaken_halves_its_steps_down_to_one() -> None:
    assert steps_after(16, RULES, was_ready=False) == 8
    assert steps_after(1, RULES, was_ready=False) == 1


def test_who_is_in_time_takes_a_little_more_up_to_what_was_agreed() -> None:
    assert steps_after(8, RULES, was_ready=True) == 10
    assert steps_after(16, RULES, was_ready=True) == 16
