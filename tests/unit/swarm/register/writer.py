"""A process that writes to a register and says what is done, until it is killed.

    python -m tests.unit.swarm.register.writer URL STEPS [LABEL COUNT]

Each step is one call of every kind. When a call has returned, the process writes one line, such as `write 7`, to
stdout; that is the acknowledgement. With a label, it kills itself (SIGKILL, no clean-up) when the statement of that
label comes up for the COUNT-th time after opening, or while opening if the label begins with `opening`.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import Engine, event

from shoal_swarm.register import Entry, Moved, Register, TaskState, Won, open_register
from shoal_swarm.register.schema import MIGRATIONS, Migration
from tests.contracts.register.samples import CONFIG_HASH, entries, nonce

RUN = "race"
MEMBER = "ana"
ENTRIES_PER_WRITE = 3
RECORD_BYTES = 9_000
"""More than two pages, so a record can be torn."""

RESTORED_ENTRIES = 5

LABELS = (
    "before BEGIN",
    "after BEGIN",
    "before SELECT",
    "before INSERT",
    "after INSERT",
    "before UPDATE",
    "after UPDATE",
    "before COMMIT",
    "before acknowledgement",
)

OPENING_LABELS = (
    "opening before BEGIN",
    "opening before CREATE",
    "opening after CREATE",
    "opening before ALTER",
    "opening after ALTER",
    "opening before INSERT",
    "opening after INSERT",
    "opening before COMMIT",
)

COLOUR = Migration(
    version=len(MIGRATIONS) + 1,
    name="runs get a colour",
    statements=(
        "ALTER TABLE runs ADD COLUMN colour VARCHAR NOT NULL DEFAULT 'grey'",
        "CREATE TABLE colours (colour VARCHAR NOT NULL PRIMARY KEY)",
    ),
)
"""A later version, to be killed on the way to."""


def record(version: int) -> bytes:
    """The record of a version: whole only if every part of it is of that version."""
    return (b"%08d" % version) * (RECORD_BYTES // 8)


def entries_of(version: int) -> list[Entry]:
    """The entries that come with the change to `version`."""
    return entries((version - 2) * ENTRIES_PER_WRITE, ENTRIES_PER_WRITE)


class Death:
    """Kills this process when a label has come up often enough."""

    def __init__(self, label: str, count: int) -> None:
        self._label = label
        self._left = count

    def pass_by(self, label: str) -> None:
        """Die here, if it is here."""
        if label == self._label:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, prefix: str = "") -> None:
        """Look at every statement of every engine from now on."""

        def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            self.pass_by(f"{prefix}before {statement.split(maxsplit=1)[0]}")

        def after(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            self.pass_by(f"{prefix}after {statement.split(maxsplit=1)[0]}")

        def commit(_connection: object) -> None:
            self.pass_by(f"{prefix}before COMMIT")

        event.listen(Engine, "before_cursor_execute", before)
        event.listen(Engine, "after_cursor_execute", after)
        event.listen(Engine, "commit", commit)


def main(url: str, steps: str, label: str = "", count: str = "1") -> None:
    """Open the register and go through the steps."""
    death = Death(label, int(count))
    if label.startswith("opening"):
        death.watch("opening ")
    with open_register(url, migrations=[*MIGRATIONS, COLOUR] if steps == "migrate" else MIGRATIONS) as register:
        os.write(1, b"open 0\n")
        if steps == "migrate":
            return
        if not label.startswith("opening"):
            death.watch()
        for line in go_on(register, int(steps), death.pass_by):
            os.write(1, f"{line}\n".encode())


def counts(register: Register) -> dict[str, int]:
    """How many steps of each kind the register holds; after a crash the later kinds may lag by one."""
    run = register.runs.read(RUN)
    members = register.members.list()
    tasks = register.tasks.list()
    return {
        "hello": members[0].incarnation if members else 0,
        "submit": len(tasks),
        "advance": sum(head.state is TaskState.ACCEPTED for head in tasks),
        "write": run.version - 1 if run else 0,
        "restore": sum(run_id.startswith("run-") for run_id in register.runs.list()),
    }


def go_on(register: Register, steps: int, pass_by: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """Take up the work where the register stands, and say after each call what is done."""
    register.runs.create(RUN, CONFIG_HASH, record(1))
    held = counts(register)
    first = min(held.values()) + 1
    for number in range(first, first + steps):
        for kind, step in _STEPS.items():
            if number > held[kind]:
                step(register, number)
                pass_by("before acknowledgement")
                yield f"{kind} {number}"


def _hello(register: Register, number: int) -> None:
    assert register.members.hello(MEMBER, nonce(number), b"%d" % number).incarnation == number


def _submit(register: Register, number: int) -> None:
    assert register.tasks.submit(f"task-{number}", b"%d" % number)


def _advance(register: Register, number: int) -> None:
    step = register.tasks.advance(f"task-{number}", TaskState.SUBMITTED, TaskState.ACCEPTED, "accepted")
    assert isinstance(step, Moved)


def _write(register: Register, number: int) -> None:
    outcome = register.runs.write(RUN, number, record(number + 1), entries_of(number + 1))
    assert outcome == Won(version=number + 1)


def _restore(register: Register, number: int) -> None:
    assert register.runs.restore(f"run-{number}", CONFIG_HASH, 7, b"%d" % number, entries(0, RESTORED_ENTRIES))


_STEPS: Mapping[str, Callable[[Register, int], None]] = {
    "hello": _hello,
    "submit": _submit,
    "advance": _advance,
    "write": _write,
    "restore": _restore,
}

KINDS = tuple(_STEPS)

if __name__ == "__main__":
    main(*sys.argv[1:])
