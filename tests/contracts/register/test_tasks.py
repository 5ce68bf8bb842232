"""A task's signed bytes never change, and its state only moves forward."""

from itertools import pairwise, product

import pytest

from shoal_base.errors import InputRefused
from shoal_swarm.register import Moved, Register, Stale, Task, TaskHead, TaskState
from shoal_swarm.register.states import FOLLOWERS
from shoal_swarm.register.values import NOTE_CHARS_MAX, TASK_BYTES_MAX, TASK_PAGE_MAX
from tests.contracts.register.conftest import Opener

WAY = [
    TaskState.SUBMITTED,
    TaskState.ACCEPTED,
    TaskState.STARTING,
    TaskState.RUNNING,
    TaskState.MERGING_LAST,
    TaskState.SUCCEEDED,
]


def test_a_submitted_task_is_kept_byte_for_byte(register: Register) -> None:
    assert register.tasks.submit("reviews", bytes(range(256)))
    assert register.tasks.read("reviews") == Task(
        head=TaskHead(number=1, task_id="reviews", state=TaskState.SUBMITTED, note=""), signed=bytes(range(256))
    )


def test_a_task_is_never_overwritten(register: Register) -> None:
    register.tasks.submit("reviews", b"first")
    assert not register.tasks.submit("reviews", b"second")
    task = register.tasks.read("reviews")
    assert task is not None
    assert task.signed == b"first"


def test_a_task_goes_its_way_step_by_step(register: Register) -> None:
    register.tasks.submit("reviews", b"")
    for before, after in pairwise(WAY):
        head = TaskHead(number=1, task_id="reviews", state=after, note=f"now {after}")
        assert register.tasks.advance("reviews", before, after, f"now {after}") == Moved(current=head)
        assert register.tasks.list() == [head]


@pytest.mark.parametrize("end", [TaskState.FAILED, TaskState.CANCELLED])
@pytest.mark.parametrize("steps", range(len(WAY) - 1))
def test_a_task_can_be_stopped_until_it_has_ended(register: Register, steps: int, end: TaskState) -> None:
    register.tasks.submit("reviews", b"")
    for before, after in pairwise(WAY[: steps + 1]):
        register.tasks.advance("reviews", before, after)
    assert isinstance(register.tasks.advance("reviews", WAY[steps], end, "stopped"), Moved)


def test_every_other_step_is_refused(register: Register) -> None:
    register.tasks.submit("reviews", b"")
    forbidden = [(a, b) for a, b in product(TaskState, TaskState) if b not in FOLLOWERS[a]]
    assert len(forbidden) == 64 - 15
    for before, after in forbidden:
        with pytest.raises(InputRefused, match=f"From {before} to {after}"):
            register.tasks.advance("reviews", before, after)
    assert register.tasks.list()[0].state is TaskState.SUBMITTED


def test_who_comes_late_is_told_where_the_task_is(register: Register) -> None:
    register.tasks.submit("reviews", b"")
    register.tasks.advance("reviews", TaskState.SUBMITTED, TaskState.CANCELLED, "by its submitter")
    stale = register.tasks.advance("reviews", TaskState.SUBMITTED, TaskState.ACCEPTED)
    assert stale == Stale(current=register.tasks.list()[0])
    assert register.tasks.advance("nobody", TaskState.SUBMITTED, TaskState.ACCEPTED) == Stale(current=None)


def test_tasks_are_listed_in_the_order_of_submission_page_by_page(register: Register) -> None:
    names = ["c", "a", "b"]
    for name in names:
        register.tasks.submit(name, b"")
    assert [head.task_id for head in register.tasks.list()] == names
    assert [head.task_id for head in register.tasks.list(after=1, limit=1)] == ["a"]
    for after, limit in ((-1, 1), (0, 0), (0, TASK_PAGE_MAX + 1)):
        with pytest.raises(InputRefused):
            register.tasks.list(after, limit)


def test_a_removed_task_is_gone_and_its_id_and_number_stay_taken(opener: Opener) -> None:
    register = opener()
    register.tasks.submit("old", b"signed")
    register.tasks.advance("old", TaskState.SUBMITTED, TaskState.FAILED)
    assert register.tasks.remove("old")
    assert not register.tasks.remove("old")
    assert register.tasks.read("old") is None
    assert register.tasks.list() == []
    assert register.tasks.advance("old", TaskState.SUBMITTED, TaskState.ACCEPTED) == Stale(current=None)
    register.close()
    again = opener()
    assert not again.tasks.submit("old", b"signed")
    again.tasks.submit("new", b"")
    assert [head.number for head in again.tasks.list()] == [2]


@pytest.mark.parametrize("steps", range(len(WAY) - 1))
def test_a_task_that_has_not_ended_stays(register: Register, steps: int) -> None:
    register.tasks.submit("reviews", b"")
    for before, after in pairwise(WAY[: steps + 1]):
        register.tasks.advance("reviews", before, after)
    with pytest.raises(InputRefused):
        register.tasks.remove("reviews")
    assert register.tasks.read("reviews") is not None


def test_bounds_are_kept(register: Register) -> None:
    with pytest.raises(InputRefused, match="signed task"):
        register.tasks.submit("reviews", bytes(TASK_BYTES_MAX + 1))
    with pytest.raises(InputRefused, match="task id"):
        register.tasks.submit("../reviews", b"")
    assert register.tasks.submit("reviews", bytes(TASK_BYTES_MAX))
    for note in ("x" * (NOTE_CHARS_MAX + 1), "a\x00b", "\ud800"):
        with pytest.raises(InputRefused, match="note"):
            register.tasks.advance("reviews", TaskState.SUBMITTED, TaskState.FAILED, note)
    assert isinstance(
        register.tasks.advance("reviews", TaskState.SUBMITTED, TaskState.FAILED, "ü" * NOTE_CHARS_MAX), Moved
    )
