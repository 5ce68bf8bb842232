"""The states of a task, and which may follow which.

    submitted ─► accepted ─► starting ─► running ─► merging-last ─► succeeded
        └───────────┴───────────┴──────────┴─────────────┴────────► failed | cancelled

One step at a time and never back, so a task's history has no holes; a retry is a new run. Success has one
door, `merging-last`, because the last round is always merged.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class TaskState(StrEnum):
    """How far a task has come."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    STARTING = "starting"
    RUNNING = "running"
    MERGING_LAST = "merging-last"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STOPPED = frozenset({TaskState.FAILED, TaskState.CANCELLED})

FOLLOWERS: Mapping[TaskState, frozenset[TaskState]] = MappingProxyType(
    {
        TaskState.SUBMITTED: _STOPPED | {TaskState.ACCEPTED},
        TaskState.ACCEPTED: _STOPPED | {TaskState.STARTING},
        TaskState.STARTING: _STOPPED | {TaskState.RUNNING},
        TaskState.RUNNING: _STOPPED | {TaskState.MERGING_LAST},
        TaskState.MERGING_LAST: _STOPPED | {TaskState.SUCCEEDED},
        TaskState.SUCCEEDED: frozenset(),
        TaskState.FAILED: frozenset(),
        TaskState.CANCELLED: frozenset(),
    }
)
"""The whole table: a state, and what a task in it may become."""


def has_ended(state: TaskState) -> bool:
    """Nothing follows `state`."""
    return not FOLLOWERS[state]
