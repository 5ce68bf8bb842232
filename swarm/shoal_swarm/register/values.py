"""What goes into a register and comes out of it, and how large it may be."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from shoal_swarm.register.states import TaskState

RECORD_BYTES_MAX: Final = 50 * 1024
"""A record names members, pieces and hashes; a hundred members need about 30 KiB."""

ENTRY_BYTES_MAX: Final = 64 * 1024
"""An entry tells of one change of a record, so it may be a little larger than one."""

ENTRIES_PER_WRITE_MAX: Final = 1024
"""One change of a record brings at most a few entries for each of a hundred members."""

LEDGER_PAGE_ENTRIES_MAX: Final = 256
"""A page of a ledger is at most this many entries (16 MiB), however long the ledger."""

FACTS_BYTES_MAX: Final = 16 * 1024
"""What a member tells of itself: addresses, versions, codecs."""

TASK_BYTES_MAX: Final = 256 * 1024
"""A signed task, in the bytes in which it was signed."""

TASK_PAGE_MAX: Final = 256
"""A page of the list of tasks."""

NOTE_CHARS_MAX: Final = 2000
"""Why a task is in its state: a sentence or two, not a log."""

NAME_CHARS_MAX: Final = 128
"""The longest name of a run, task or member."""

DIGEST_BYTES: Final = 32
NONCE_BYTES: Final = 16

BOOTS_KEPT: Final = 64
"""So many boots of one member are remembered; a nonce older than these counts as a new boot."""

NUMBER_MAX: Final = 2**63 - 1
"""Versions and positions are signed 64-bit numbers in every database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of a run's ledger."""

    position: int
    """Its place in the ledger, counted from 0 without a gap."""

    digest: bytes
    """The chain's digest up to and with this entry, as `protocol` computes it."""

    body: bytes
    """The entry itself, in the bytes that were signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a ledger reaches: the next entry has position `length` and continues `digest`."""

    length: int
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run's record and the head of its ledger, as they stood together at one moment."""

    run_id: str
    config_hash: bytes
    version: int
    record: bytes
    head: Head | None
    """None while the ledger is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Won:
    """The write is done and durable."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Somebody else moved the record first; nothing of the write was kept."""

    current: Run | None
    """What is there now, enough to decide afresh; None when there is no such run."""


Outcome: TypeAlias = Won | Lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What a register answers to a hello."""

    incarnation: int
    """The number of the boot that said hello."""

    newest: int
    """The number of the member's newest boot; a lower incarnation is a process that should be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One who is in the swarm, as its newest boot described itself."""

    name: str
    incarnation: int
    facts: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHead:
    """What a list shows of a task."""

    number: int
    """Its place in the order of submission, counted from 1."""

    task_id: str
    state: TaskState
    note: str
    """Why it is in this state; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task with the bytes that its submitter signed."""

    head: TaskHead
    signed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The task is in its next state, durably."""

    current: TaskHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The task was not in the state it was said to be in; nothing changed."""

    current: TaskHead | None
    """Where it is now; None when there is no such task."""


Step: TypeAlias = Moved | Stale
