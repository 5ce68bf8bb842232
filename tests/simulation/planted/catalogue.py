"""Every planted bug by its name, and where it is looked for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tests.simulation.planted import contributions, decisions, results
from tests.simulation.planted.planting import Planted
from tests.simulation.seeds import Plan, plan_of


def plan_for(bug: Planted, seed: int) -> Plan:
    """What a seed stands for while this bug is looked for."""
    plan = plan_of(seed)
    if bug.nemesis is None:
        return plan
    nodes = bug.nodes or plan.shape.nodes
    shape = replace(
        plan.shape,
        nodes=nodes,
        min_nodes=max(1, nodes - 1),
        copies=bug.copies,
        owners_max=1,
        long_lists=False,
        uneven=bug.uneven or plan.shape.uneven,
    )
    return replace(plan, shape=shape, nemeses=[bug.nemesis], kinds=["storm"], every_s=30.0, boundary_crashes=0.0)


PLANTED: Final[Mapping[str, Planted]] = {
    "clear on send": Planted(contributions.clear_on_send, 10, "I5"),
    "apply on result": Planted(results.apply_on_result, 10, "I1"),
    "own contributor sets": Planted(decisions.own_contributor_sets, 60, "I3"),
    "commit with one holder": Planted(decisions.commit_with_one_holder, 60, "I4"),
    "inclusion by name": Planted(
        contributions.inclusion_by_name, 60, "I5", nemesis="wipe a contributor that owners have"
    ),
    "forgotten compare-and-set": Planted(decisions.forgotten_compare_and_set, 30, "I1"),
    "announce before durable": Planted(contributions.announce_before_durable, 10, "I5"),
    "held before durable": Planted(results.held_before_durable, 10, "I5"),
    "state that most have": Planted(results.state_that_most_have, 100, "I1"),
    "fold twice": Planted(contributions.fold_twice, 60, "I2"),
    "judge right after start": Planted(decisions.judge_right_after_start, 40, "I6", world="patience"),
    "condemn after sleep": Planted(decisions.condemn_after_sleep, 20, "I6", world="patience"),
    "believe the dead": Planted(
        decisions.believe_the_dead, 200, ("I4", "I6"), nemesis="make a ghost of a holder", nodes=2
    ),
    "cut below quorum": Planted(decisions.cut_below_quorum, 60, "I3"),
    "many first adapters": Planted(decisions.many_first_adapters, 10, "I3"),
    "weigh at the owner": Planted(results.weigh_at_the_owner, 10, "I3"),
    "stale base": Planted(contributions.stale_base, 60, ("I2", "I5")),
    "drop own work": Planted(contributions.drop_own_work, 60, "I5"),
    "drop the newest": Planted(results.drop_the_newest, 10, "I5"),
    "drop what is held": Planted(results.drop_what_is_held, 200, ("I4", "I5"), "make a ghost of a holder", 2),
    "same owners again": Planted(decisions.same_owners_again, 60, "I6", world="core"),
    "starve the slow": Planted(decisions.starve_the_slow, 100, "I6", "leave one out", 2, copies=1, uneven=3.0),
    "say it once": Planted(contributions.say_it_once, 60, "I6"),
    "trust any bytes": Planted(results.trust_any_bytes, 60, "I5"),
    "merge anything": Planted(results.merge_anything, 10, "I3", world="poison"),
    "pass before the answer": Planted(results.pass_before_the_answer, 10, "I3", world="poison"),
    "merge ahead of the bytes": Planted(results.merge_ahead_of_the_bytes, 10, "I5"),
    "forget the last attempt": Planted(results.forget_the_last_attempt, 100, "I3"),
}
"""Every planted bug by its name."""
