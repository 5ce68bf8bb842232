"""Whatever is asked of a register, in whatever order, it answers as the plain dictionaries do."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from shoal_base.errors import InputRefused
from shoal_swarm.register import Entry, Register, TaskState, open_register
from shoal_swarm.register.values import BOOTS_KEPT
from tests.contracts.register.conftest import URLS
from tests.contracts.register.model import ModelRegister, Shelf
from tests.contracts.register.samples import CONFIG_HASH, entry, nonce

RUN_IDS = st.sampled_from(["a", "b", "a.b-c_d"])
NAMES = st.sampled_from(["ana", "node/ana", "node/bo"])
TASK_IDS = st.sampled_from(["one", "two", "three"])
STATES = st.sampled_from(TaskState)
BYTES = st.binary(max_size=40)
OFFSETS = st.sampled_from([0, 0, 0, 0, -1, 1])
"""How far a caller is off; most are not."""


class RegisterMachine(RuleBasedStateMachine):
    """Does the same to a register and to its model, and compares every answer."""

    make_url: Callable[[Path], str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = type(self).make_url(Path(self.folder.name))
        self.shelf = Shelf()
        self.model = ModelRegister(self.shelf)
        self.register = open_register(self.url)

    def teardown(self) -> None:
        self.register.close()
        self.folder.cleanup()

    def same(self, ask: Callable[[Register], object]) -> None:
        """Both answer `ask` alike, or both refuse it."""
        answers = []
        for register in (self.model, self.register):
            try:
                answers.append(ask(register))
            except InputRefused:
                answers.append(InputRefused)
        assert answers[0] == answers[1]

    def coming(self, run_id: str, count: int, off: int) -> list[Entry]:
        """Entries that continue the ledger of `run_id`, or miss it by `off`."""
        first = len(self.shelf.entries.get(run_id, [])) + off
        return [entry(position) for position in range(first, first + count)]

    @rule()
    def close_and_open(self) -> None:
        self.register.close()
        self.register = open_register(self.url)

    @rule(run_id=RUN_IDS, record=BYTES, count=st.integers(0, 3), off=OFFSETS)
    def create(self, run_id: str, record: bytes, count: int, off: int) -> None:
        entries = [entry(position) for position in range(off, off + count)]
        self.same(lambda register: register.runs.create(run_id, CONFIG_HASH, record, entries))

    @rule(run_id=RUN_IDS, version=st.integers(0, 2**63), record=BYTES, count=st.integers(0, 400), off=OFFSETS)
    def restore(self, run_id: str, version: int, record: bytes, count: int, off: int) -> None:
        entries = [entry(position) for position in range(off, off + count)]
        self.same(lambda register: register.runs.restore(run_id, CONFIG_HASH, version, record, iter(entries)))

    @rule(run_id=RUN_IDS, off=OFFSETS, record=BYTES, count=st.integers(0, 4), entry_off=OFFSETS)
    def write(self, run_id: str, off: int, record: bytes, count: int, entry_off: int) -> None:
        run = self.shelf.runs.get(run_id)
        version = (run.version if run else 1) + off
        entries = self.coming(run_id, count, entry_off)
        self.same(lambda register: register.runs.write(run_id, version, record, entries))

    @rule(run_id=RUN_IDS, first=st.integers(-1, 500), limit=st.integers(0, 257))
    def read_entries(self, run_id: str, first: int, limit: int) -> None:
        self.same(lambda register: register.ledger.entries(run_id, first, limit))

    @rule(name=NAMES, boot=st.integers(1, 4), facts=BYTES)
    def hello(self, name: str, boot: int, facts: bytes) -> None:
        self.same(lambda register: register.members.hello(name, nonce(boot), facts))

    @rule(name=NAMES, first=st.integers(10, 10**6))
    def crash_loop(self, name: str, first: int) -> None:
        for boot in range(first, first + BOOTS_KEPT // 2):
            self.same(lambda register, boot=boot: register.members.hello(name, nonce(boot), b""))  # type: ignore[misc]

    @rule(name=NAMES)
    def remove_member(self, name: str) -> None:
        self.same(lambda register: register.members.remove(name))

    @rule(task_id=TASK_IDS, signed=BYTES)
    def submit(self, task_id: str, signed: bytes) -> None:
        self.same(lambda register: register.tasks.submit(task_id, signed))

    @rule(task_id=TASK_IDS, expected=STATES, to=STATES, note=st.text(max_size=5))
    def advance(self, task_id: str, expected: TaskState, to: TaskState, note: str) -> None:
        self.same(lambda register: register.tasks.advance(task_id, expected, to, note))

    @precondition(lambda self: any(self.shelf.tasks.values()))
    @rule(data=st.data(), to=STATES)
    def advance_from_where_it_is(self, data: st.DataObject, to: TaskState) -> None:
        task = data.draw(st.sampled_from([task for task in self.shelf.tasks.values() if task is not None]))
        self.same(lambda register: register.tasks.advance(task.head.task_id, task.head.state, to))

    @rule(task_id=TASK_IDS)
    def remove_task(self, task_id: str) -> None:
        self.same(lambda register: register.tasks.remove(task_id))

    @rule(after=st.integers(-1, 3), limit=st.integers(0, 3))
    def list_tasks(self, after: int, limit: int) -> None:
        self.same(lambda register: register.tasks.list(after, limit))

    @invariant()
    def everything_is_the_same(self) -> None:
        self.same(lambda register: [register.runs.read(run_id) for run_id in register.runs.list()])
        self.same(lambda register: register.ledger.heads())
        self.same(lambda register: register.members.list())
        self.same(lambda register: [register.tasks.read(head.task_id) for head in register.tasks.list()])


@pytest.mark.parametrize("kind", URLS)
def test_a_register_answers_as_its_model_does(kind: str) -> None:
    _compare(kind, examples=8)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", URLS)
def test_a_register_answers_as_its_model_does_at_length(kind: str) -> None:
    _compare(kind, examples=100)


def _compare(kind: str, examples: int) -> None:
    machine = type("Machine", (RegisterMachine,), {"make_url": staticmethod(URLS[kind])})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
