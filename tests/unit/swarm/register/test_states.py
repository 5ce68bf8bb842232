"""The table of task states has one way in, forward steps only, and three ends."""

from graphlib import TopologicalSorter

from shoal_swarm.register import TaskState
from shoal_swarm.register.states import FOLLOWERS, has_ended


def test_the_table_names_every_state() -> None:
    assert set(FOLLOWERS) == set(TaskState)


def test_no_way_leads_back() -> None:
    assert set(TopologicalSorter(FOLLOWERS).static_order()) == set(TaskState)


def test_three_states_are_ends() -> None:
    assert {state for state in TaskState if has_ended(state)} == {
        TaskState.SUCCEEDED,
        TaskState.FAILED,
        TaskState.CANCELLED,
    }


def test_every_state_but_the_first_can_be_reached() -> None:
    assert set().union(*FOLLOWERS.values()) == set(TaskState) - {TaskState.SUBMITTED}
