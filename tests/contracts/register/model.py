"""A register in plain dictionaries: the shortest thing that keeps the contract within one process.

It is what the real ones are compared with, and it passes the same suite, so the comparison means something.
It keeps nothing over a crash, which is why it is no implementation for use.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from shoal_base.errors import InputRefused, Unavailable
from shoal_swarm.register import (
    Boot,
    Entry,
    Head,
    Lost,
    Member,
    Moved,
    Run,
    Stale,
    Task,
    TaskHead,
    TaskState,
    Won,
    rules,
)
from shoal_swarm.register.states import has_ended
from shoal_swarm.register.values import (
    BOOTS_KEPT,
    LEDGER_PAGE_ENTRIES_MAX,
    NUMBER_MAX,
    TASK_PAGE_MAX,
)


@dataclass
class Shelf:
    """What would be on the disk."""

    boots: dict[str, dict[bytes, int]] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    facts: dict[str, bytes] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    tasks: dict[str, Task | None] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class ModelMembers:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def hello(self, name: str, boot_nonce: bytes, facts: bytes) -> Boot:
        rules.check_member(name)
        rules.check_nonce(boot_nonce)
        rules.check_facts(facts)
        with self._shelf.lock:
            boots = self._shelf.boots.setdefault(name, {})
            if boot_nonce not in boots:
                self._shelf.newest[name] = boots[boot_nonce] = self._shelf.newest.get(name, 0) + 1
                for old in [nonce for nonce, number in boots.items() if number <= boots[boot_nonce] - BOOTS_KEPT]:
                    del boots[old]
            if boots[boot_nonce] == self._shelf.newest[name]:
                self._shelf.facts[name] = facts
            return Boot(incarnation=boots[boot_nonce], newest=self._shelf.newest[name])

    def list(self) -> Sequence[Member]:
        shelf = self._shelf
        return [Member(name=n, incarnation=shelf.newest[n], facts=f) for n, f in sorted(shelf.facts.items())]

    def remove(self, name: str) -> bool:
        rules.check_member(name)
        return self._shelf.facts.pop(name, None) is not None


class ModelRuns:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def create(self, run_id: str, config_hash: bytes, record: bytes, entries: Sequence[Entry] = ()) -> bool:
        rules.check_batch(entries)
        return self.restore(run_id, config_hash, 1, record, entries)

    def restore(self, run_id: str, config_hash: bytes, version: int, record: bytes, entries: Iterable[Entry]) -> bool:
        rules.check_run(run_id)
        rules.check_config_hash(config_hash)
        rules.check_number("version", version, least=1)
        rules.check_record(record)
        with self._shelf.lock:
            if run_id in self._shelf.runs:
                return False
            self._shelf.entries[run_id] = list(rules.continuing(entries, 0))
            self._shelf.runs[run_id] = Run(
                run_id=run_id, config_hash=config_hash, version=version, record=record, head=self._head(run_id)
            )
            return True

    def read(self, run_id: str) -> Run | None:
        rules.check_run(run_id)
        return self._shelf.runs.get(run_id)

    def write(self, run_id: str, expected_version: int, record: bytes, entries: Sequence[Entry] = ()) -> Won | Lost:
        rules.check_run(run_id)
        rules.check_number("version", expected_version, least=1, most=NUMBER_MAX - 1)
        rules.check_record(record)
        rules.check_batch(entries)
        with self._shelf.lock:
            current = self._shelf.runs.get(run_id)
            if current is None or current.version != expected_version:
                return Lost(current=current)
            known = self._shelf.entries[run_id]
            known.extend(list(rules.continuing(entries, len(known))))
            self._shelf.runs[run_id] = replace(
                current, version=expected_version + 1, record=record, head=self._head(run_id)
            )
            return Won(version=expected_version + 1)

    def list(self) -> Sequence[str]:
        return sorted(self._shelf.runs)

    def _head(self, run_id: str) -> Head | None:
        known = self._shelf.entries[run_id]
        return Head(length=len(known), digest=known[-1].digest) if known else None


class ModelLedger:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def entries(self, run_id: str, first: int = 0, limit: int = LEDGER_PAGE_ENTRIES_MAX) -> Sequence[Entry]:
        rules.check_run(run_id)
        rules.check_number("first position", first, least=0)
        rules.check_number("limit", limit, least=1, most=LEDGER_PAGE_ENTRIES_MAX)
        return self._shelf.entries.get(run_id, [])[first : first + limit]

    def heads(self) -> Mapping[str, Head]:
        return {name: run.head for name, run in sorted(self._shelf.runs.items()) if run.head is not None}


class ModelTasks:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def submit(self, task_id: str, signed: bytes) -> bool:
        rules.check_task(task_id)
        rules.check_signed(signed)
        with self._shelf.lock:
            if task_id in self._shelf.tasks:
                return False
            head = TaskHead(number=len(self._shelf.tasks) + 1, task_id=task_id, state=TaskState.SUBMITTED, note="")
            self._shelf.tasks[task_id] = Task(head=head, signed=signed)
            return True

    def read(self, task_id: str) -> Task | None:
        rules.check_task(task_id)
        return self._shelf.tasks.get(task_id)

    def advance(self, task_id: str, expected: TaskState, to: TaskState, note: str = "") -> Moved | Stale:
        rules.check_task(task_id)
        rules.check_step(expected, to)
        rules.check_note(note)
        with self._shelf.lock:
            task = self._shelf.tasks.get(task_id)
            if task is None or task.head.state is not expected:
                return Stale(current=task.head if task else None)
            head = replace(task.head, state=to, note=note)
            self._shelf.tasks[task_id] = replace(task, head=head)
            return Moved(current=head)

    def list(self, after: int = 0, limit: int = TASK_PAGE_MAX) -> Sequence[TaskHead]:
        rules.check_number("number", after, least=0)
        rules.check_number("limit", limit, least=1, most=TASK_PAGE_MAX)
        return [t.head for t in self._shelf.tasks.values() if t is not None and t.head.number > after][:limit]

    def remove(self, task_id: str) -> bool:
        rules.check_task(task_id)
        task = self._shelf.tasks.get(task_id)
        if task is None:
            return False
        if not has_ended(task.head.state):
            raise InputRefused(f"Task {task_id} has not ended.")
        self._shelf.tasks[task_id] = None
        return True


class ModelRegister:
    """One opening of a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf: Shelf | None = shelf

    @property
    def members(self) -> ModelMembers:
        return ModelMembers(self._there())

    @property
    def runs(self) -> ModelRuns:
        return ModelRuns(self._there())

    @property
    def ledger(self) -> ModelLedger:
        return ModelLedger(self._there())

    @property
    def tasks(self) -> ModelTasks:
        return ModelTasks(self._there())

    def close(self) -> None:
        self._shelf = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _there(self) -> Shelf:
        if self._shelf is None:
            raise Unavailable("The register is closed.")
        return self._shelf
