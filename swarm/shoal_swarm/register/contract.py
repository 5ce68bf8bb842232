"""What every register owes its callers, whichever database is under it.

Duties of a register
--------------------

1. **One change, one transaction.** A change of a record and the entries that tell of it are stored together or
   not at all. No reader ever sees a half of it, and no crash leaves one.
2. **Never two winners.** Of any number of writers (threads, processes, hosts) that name the same version, at
   most one wins. Who loses is told what is there now. Losing is a value, not an exception: it is how a race ends.
3. **Done means durable.** When a call has returned, what it did outlives a killed process and a lost power supply.
4. **Nothing goes back.** Versions, ledgers, incarnations and the states of tasks only move forward, also over a
   restart and over a removal. A ledger has no gaps, and there is no call that changes or removes an entry.
5. **Bytes in, the same bytes out.** A register never looks inside a record, entry, fact or task.
6. **Bounds have names** (`values.py`), and a value beyond its bound changes nothing.

Duties of a caller
------------------

1. Calls block: on the disk, and on other writers for as long as the busy timeout. An event loop makes them in
   a worker thread.
2. A register may be shared by threads. It may not cross a `fork`: a child process opens its own.
3. A write that ended in `Unavailable` or `PlaceRefused` is *unknown*: almost always nothing was kept, but where the
   disk failed in the act of committing, only a later read tells. Read, compare the version, go on from what is there.

What every call may raise, beside what it lists itself:

* `InputRefused`: a name, number or size breaks its rule; nothing was changed;
* `Unavailable`: other writers held the store for longer than the busy timeout, or the register is closed;
* `PlaceRefused`: the disk is full or fails, or the store is damaged; a person has to look.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from shoal_swarm.register.states import TaskState
from shoal_swarm.register.values import Boot, Entry, Head, Member, Outcome, Run, Step, Task, TaskHead


class Members(Protocol):
    """Who is in the swarm."""

    def hello(self, name: str, boot_nonce: bytes, facts: bytes) -> Boot:
        """Take in `name`, and number the boot that `boot_nonce` stands for.

        A nonce seen before gets the number it had: saying hello twice is saying it once. A new nonce gets a
        number above every one that the member ever had, also above those from before a removal. The facts
        of the newest boot replace those before; an older boot changes nothing.
        """
        ...

    def list(self) -> Sequence[Member]:
        """All members that were not removed, by name."""
        ...

    def remove(self, name: str) -> bool:
        """Take `name` off the list; False if it was not on it. Its next hello brings it back, numbered onwards."""
        ...


class Runs(Protocol):
    """One record a run."""

    def create(self, run_id: str, config_hash: bytes, record: bytes, entries: Sequence[Entry] = ()) -> bool:
        """Begin a run at version 1, its ledger with `entries`; False if the id is taken, and nothing changes.

        Raises `InputRefused` if the entries are not numbered from 0.
        """
        ...

    def read(self, run_id: str) -> Run | None:
        """The record and the head of its ledger as of one moment; None if there is no such run."""
        ...

    def write(self, run_id: str, expected_version: int, record: bytes, entries: Sequence[Entry] = ()) -> Outcome:
        """Replace the record and append `entries`, if the record is still at `expected_version`.

        Raises `InputRefused`, and changes nothing, if the version holds but the entries do not continue the
        ledger: that is a mistake of the caller's, not a lost race.
        """
        ...

    def restore(self, run_id: str, config_hash: bytes, version: int, record: bytes, entries: Iterable[Entry]) -> bool:
        """Put back a run that this register does not have; False if it has it, and nothing changes.

        The caller has verified the ledger; it is taken whole or not at all, however long. An exception of
        the iterable's own passes through and leaves nothing behind. Other writers wait meanwhile, so the
        entries should be at hand, not on the way. Raises `InputRefused` if they are not numbered from 0.
        """
        ...

    def list(self) -> Sequence[str]:
        """The ids of all runs, in order."""
        ...


class Ledger(Protocol):
    """What was decided, entry by entry. Entries are added by `Runs` alone."""

    def entries(self, run_id: str, first: int = 0, limit: int = ...) -> Sequence[Entry]:
        """Up to `limit` entries from position `first` on; none if there is no such run or position."""
        ...

    def heads(self) -> Mapping[str, Head]:
        """The head of every ledger that has an entry, by run."""
        ...


class Tasks(Protocol):
    """What submitters asked for, and how far it has come."""

    def submit(self, task_id: str, signed: bytes) -> bool:
        """Keep a new task, in state submitted; False if the id was ever taken, and nothing changes."""
        ...

    def read(self, task_id: str) -> Task | None:
        """The task with its signed bytes; None if there is no such task."""
        ...

    def advance(self, task_id: str, expected: TaskState, to: TaskState, note: str = "") -> Step:
        """Move the task one step on, if it is still in state `expected`.

        Raises `InputRefused` if `to` never follows `expected` (`states.py`).
        """
        ...

    def list(self, after: int = 0, limit: int = ...) -> Sequence[TaskHead]:
        """Up to `limit` tasks with a number above `after`, in the order in which they were submitted."""
        ...

    def remove(self, task_id: str) -> bool:
        """Forget what a task that has ended said; False if there is no such task.

        Its id and number stay taken, so a signed task that somebody kept cannot be submitted a second time.
        Raises `InputRefused` if the task has not ended.
        """
        ...


class Register(Protocol):
    """Everything a swarm must find again."""

    @property
    def members(self) -> Members:
        """Who is in the swarm."""
        ...

    @property
    def runs(self) -> Runs:
        """One record a run."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What was decided."""
        ...

    @property
    def tasks(self) -> Tasks:
        """What was asked for."""
        ...

    def close(self) -> None:
        """Let go of the store; later calls raise `Unavailable`. Closing twice is closing once."""
        ...

    def __enter__(self) -> Self:
        """Use the register for the length of a `with` block."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...
