"""What must be true of a register after a crash, given what was acknowledged before it."""

from collections.abc import Iterable

from shoal_swarm.register import Entry, Register, TaskState, open_register
from tests.contracts.register.samples import entries, nonce
from tests.unit.swarm.register.writer import ENTRIES_PER_WRITE, KINDS, MEMBER, RESTORED_ENTRIES, RUN, counts, record


def inspect_wreck(url: str, acknowledged: Iterable[str]) -> dict[str, int]:
    """Open what is left, check it, and say how many steps of each kind it holds.

    Everything acknowledged is there. Of each kind at most one more is: the call that was under way when the
    process died may have been done. Nothing is there in part.
    """
    last = dict.fromkeys(KINDS, 0)
    for line in acknowledged:
        kind, number = line.split()
        if kind in last:
            last[kind] = max(last[kind], int(number))
    with open_register(url) as register:
        held = counts(register)
        _check_run(register)
        _check_others(register)
    for kind in KINDS:
        assert last[kind] <= held[kind] <= last[kind] + 1, f"{kind}: {last[kind]} acknowledged, {held[kind]} held"
    assert sum(held.values()) - sum(last.values()) <= 1, f"more than one call under way: {last} and {held}"
    return held


def _check_run(register: Register) -> None:
    run = register.runs.read(RUN)
    if run is None:
        return
    assert run.record == record(run.version), "a torn record"
    length = (run.version - 1) * ENTRIES_PER_WRITE
    assert (run.head.length if run.head else 0) == length, "record and ledger disagree"
    ledger: list[Entry] = []
    while page := register.ledger.entries(RUN, len(ledger)):
        ledger.extend(page)
    assert ledger == entries(0, length)


def _check_others(register: Register) -> None:
    for run_id in register.runs.list():
        if run_id != RUN:
            run = register.runs.read(run_id)
            assert run is not None
            assert (run.version, run.record) == (7, run_id.removeprefix("run-").encode())
            assert register.ledger.entries(run_id) == entries(0, RESTORED_ENTRIES)
    for head in register.tasks.list():
        task = register.tasks.read(head.task_id)
        assert task is not None
        assert task.signed == head.task_id.removeprefix("task-").encode()
        assert head.note == ("accepted" if head.state is TaskState.ACCEPTED else "")
    for member in register.members.list():
        assert member.name == MEMBER
        assert member.facts == b"%d" % member.incarnation
        assert register.members.hello(MEMBER, nonce(member.incarnation), member.facts).newest == member.incarnation
