"""Tasks and their states, on SQL."""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, func, insert, select, update

from shoal_base.errors import InputRefused
from shoal_swarm.register import rules
from shoal_swarm.register.states import TaskState, has_ended
from shoal_swarm.register.store import Store
from shoal_swarm.register.tables import tasks
from shoal_swarm.register.values import TASK_PAGE_MAX, Moved, Stale, Step, Task, TaskHead

_HEAD = (tasks.c.number, tasks.c.task_id, tasks.c.state, tasks.c.note)
_KEPT = tasks.c.signed.is_not(None)


class SqlTasks:
    """What submitters asked for; see `contract.Tasks`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def submit(self, task_id: str, signed: bytes) -> bool:
        """Keep a new task; False if the id was ever taken."""
        rules.check_task(task_id)
        rules.check_signed(signed)
        with self._store.writing() as connection:
            if connection.scalar(select(tasks.c.number).where(tasks.c.task_id == task_id)) is not None:
                return False
            number = (connection.scalar(select(func.max(tasks.c.number))) or 0) + 1
            connection.execute(
                insert(tasks).values(task_id=task_id, number=number, state=TaskState.SUBMITTED, note="", signed=signed)
            )
            return True

    def read(self, task_id: str) -> Task | None:
        """The task with its signed bytes."""
        rules.check_task(task_id)
        with self._store.reading() as connection:
            row = connection.execute(select(tasks).where(tasks.c.task_id == task_id, _KEPT)).one_or_none()
            return None if row is None else Task(head=_head(row), signed=row.signed)

    def advance(self, task_id: str, expected: TaskState, to: TaskState, note: str = "") -> Step:
        """Move the task one step on, if it is still in state `expected`."""
        rules.check_task(task_id)
        rules.check_step(expected, to)
        rules.check_note(note)
        with self._store.writing() as connection:
            moved = connection.execute(
                update(tasks)
                .where(tasks.c.task_id == task_id, tasks.c.state == expected, _KEPT)
                .values(state=to, note=note)
            )
            current = _read_head(connection, task_id)
            if moved.rowcount != 1:
                return Stale(current=current)
            assert current is not None, "a task that moved is there"
            return Moved(current=current)

    def list(self, after: int = 0, limit: int = TASK_PAGE_MAX) -> Sequence[TaskHead]:
        """Up to `limit` tasks with a number above `after`."""
        rules.check_number("number", after, least=0)
        rules.check_number("limit", limit, least=1, most=TASK_PAGE_MAX)
        wanted = select(*_HEAD).where(tasks.c.number > after, _KEPT).order_by(tasks.c.number).limit(limit)
        with self._store.reading() as connection:
            return [_head(row) for row in connection.execute(wanted)]

    def remove(self, task_id: str) -> bool:
        """Forget what a task that has ended said; its id and number stay taken."""
        rules.check_task(task_id)
        with self._store.writing() as connection:
            current = _read_head(connection, task_id)
            if current is None:
                return False
            if not has_ended(current.state):
                raise InputRefused(
                    f"Task {task_id} is {current.state} and stays: only a task that has ended can be removed. "
                    "Cancel it first."
                )
            connection.execute(update(tasks).where(tasks.c.task_id == task_id).values(signed=None, note=""))
            return True


def _read_head(connection: Connection, task_id: str) -> TaskHead | None:
    row = connection.execute(select(*_HEAD).where(tasks.c.task_id == task_id, _KEPT)).one_or_none()
    return None if row is None else _head(row)


def _head(row: Row[*tuple[object, ...]]) -> TaskHead:
    return TaskHead(number=row.number, task_id=row.task_id, state=TaskState(row.state), note=row.note)
