"""A record changes only for who knows its version, and never without its ledger entries."""

from collections.abc import Iterator

import pytest

from shoal_base.errors import InputRefused
from shoal_swarm.register import Entry, Head, Lost, Register, Run, Won
from shoal_swarm.register.values import ENTRIES_PER_WRITE_MAX, NUMBER_MAX, RECORD_BYTES_MAX
from tests.contracts.register.conftest import Opener
from tests.contracts.register.samples import CONFIG_HASH, entries, entry

EVERY_BYTE = bytes(range(256))


def test_a_run_begins_at_version_one(register: Register) -> None:
    assert register.runs.create("reviews", CONFIG_HASH, EVERY_BYTE)
    assert register.runs.read("reviews") == Run(
        run_id="reviews", config_hash=CONFIG_HASH, version=1, record=EVERY_BYTE, head=None
    )


def test_a_run_may_begin_with_entries(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"", entries(0, 2))
    run = register.runs.read("reviews")
    assert run is not None
    assert run.head == Head(length=2, digest=entry(1).digest)


def test_a_taken_id_stays_as_it_is(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"first", entries(0, 1))
    there = register.runs.read("reviews")
    assert not register.runs.create("reviews", bytes(32), b"second")
    assert not register.runs.restore("reviews", bytes(32), 9, b"second", entries(0, 5))
    assert register.runs.read("reviews") == there


def test_who_knows_the_version_wins(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"one")
    assert register.runs.write("reviews", 1, b"two", entries(0, 3)) == Won(version=2)
    assert register.runs.write("reviews", 2, b"three", entries(3, 1)) == Won(version=3)
    assert register.runs.read("reviews") == Run(
        run_id="reviews",
        config_hash=CONFIG_HASH,
        version=3,
        record=b"three",
        head=Head(length=4, digest=entry(3).digest),
    )
    assert register.ledger.entries("reviews") == entries(0, 4)


@pytest.mark.parametrize("version", [1, 3, NUMBER_MAX - 1])
def test_who_does_not_loses_and_is_told_what_is_there(register: Register, version: int) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"one")
    register.runs.write("reviews", 1, b"two", entries(0, 1))
    lost = register.runs.write("reviews", version, b"other", entries(1, 1))
    assert lost == Lost(current=register.runs.read("reviews"))
    assert register.ledger.entries("reviews") == entries(0, 1)


def test_an_unknown_run_is_lost_to_nobody(register: Register) -> None:
    assert register.runs.read("nobody") is None
    assert register.runs.write("nobody", 1, b"", entries(0, 1)) == Lost(current=None)
    assert register.ledger.entries("nobody") == []
    assert register.runs.list() == []


def test_a_record_may_change_without_an_entry_and_to_the_same_bytes(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"one", entries(0, 1))
    assert register.runs.write("reviews", 1, b"one") == Won(version=2)
    run = register.runs.read("reviews")
    assert run is not None
    assert (run.version, run.head) == (2, Head(length=1, digest=entry(0).digest))


@pytest.mark.parametrize("positions", [[0], [2], [1, 3], [1, 1], [1, 2, 2], [2, 1]])
def test_entries_that_do_not_continue_the_ledger_change_nothing(register: Register, positions: list[int]) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"one", entries(0, 1))
    with pytest.raises(InputRefused, match="position"):
        register.runs.write("reviews", 1, b"two", [entry(position) for position in positions])
    run = register.runs.read("reviews")
    assert run is not None
    assert (run.version, run.record) == (1, b"one")
    assert register.ledger.entries("reviews") == entries(0, 1)


def test_a_first_entry_that_is_not_the_first_begins_nothing(register: Register) -> None:
    with pytest.raises(InputRefused, match="position 1"):
        register.runs.create("reviews", CONFIG_HASH, b"", entries(1, 1))
    assert register.runs.list() == []


def test_runs_do_not_touch_each_other(register: Register) -> None:
    register.runs.create("b", CONFIG_HASH, b"b", entries(0, 1))
    register.runs.create("a", CONFIG_HASH, b"a")
    register.runs.write("a", 1, b"aa", entries(0, 2))
    assert register.runs.list() == ["a", "b"]
    run = register.runs.read("b")
    assert run is not None
    assert (run.version, run.record) == (1, b"b")
    assert register.ledger.heads() == {
        "a": Head(length=2, digest=entry(1).digest),
        "b": Head(length=1, digest=entry(0).digest),
    }


def test_a_record_at_its_bound_is_kept_and_one_beyond_is_refused(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, bytes(RECORD_BYTES_MAX))
    with pytest.raises(InputRefused, match="record of 51201 bytes"):
        register.runs.write("reviews", 1, bytes(RECORD_BYTES_MAX + 1))
    with pytest.raises(InputRefused, match="record of 51201 bytes"):
        register.runs.create("other", CONFIG_HASH, bytes(RECORD_BYTES_MAX + 1))
    assert register.runs.write("reviews", 1, bytes(RECORD_BYTES_MAX)) == Won(version=2)


def test_a_write_brings_at_most_so_many_entries(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"")
    with pytest.raises(InputRefused, match="1025 entries"):
        register.runs.write("reviews", 1, b"", entries(0, ENTRIES_PER_WRITE_MAX + 1))
    assert register.runs.write("reviews", 1, b"", entries(0, ENTRIES_PER_WRITE_MAX)) == Won(version=2)


@pytest.mark.parametrize("run_id", ["", "A", "a b", "a/b", "../a", ".", "a.", "a\n", "é", "a" * 129, "'; drop"])
def test_an_id_that_breaks_the_rule_is_refused(register: Register, run_id: str) -> None:
    for call in (
        lambda: register.runs.create(run_id, CONFIG_HASH, b""),
        lambda: register.runs.read(run_id),
        lambda: register.runs.write(run_id, 1, b""),
        lambda: register.ledger.entries(run_id),
    ):
        with pytest.raises(InputRefused, match="run id"):
            call()


@pytest.mark.parametrize("version", [0, -1, NUMBER_MAX, 2**64])
def test_a_version_that_no_record_can_have_is_refused(register: Register, version: int) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"")
    with pytest.raises(InputRefused, match="version"):
        register.runs.write("reviews", version, b"")


def test_a_config_hash_and_a_digest_have_32_bytes(register: Register) -> None:
    with pytest.raises(InputRefused, match="config hash of 31"):
        register.runs.create("reviews", bytes(31), b"")
    with pytest.raises(InputRefused, match="digest of 33"):
        register.runs.create("reviews", CONFIG_HASH, b"", [Entry(position=0, digest=bytes(33), body=b"")])


def test_a_run_is_restored_whole_at_its_version(register: Register) -> None:
    long = entries(0, 700)
    assert register.runs.restore("reviews", CONFIG_HASH, 41, b"record", iter(long))
    assert register.runs.read("reviews") == Run(
        run_id="reviews",
        config_hash=CONFIG_HASH,
        version=41,
        record=b"record",
        head=Head(length=700, digest=long[-1].digest),
    )
    assert register.runs.write("reviews", 41, b"next", entries(700, 1)) == Won(version=42)
    assert register.ledger.entries("reviews", 690) == entries(690, 11)


def test_a_restore_that_breaks_off_leaves_nothing(register: Register) -> None:
    def broken() -> Iterator[Entry]:
        yield from entries(0, 600)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        register.runs.restore("reviews", CONFIG_HASH, 5, b"record", broken())
    with pytest.raises(InputRefused, match="position"):
        register.runs.restore("reviews", CONFIG_HASH, 5, b"record", [*entries(0, 600), entry(601)])
    assert register.runs.list() == []
    assert register.runs.restore("reviews", CONFIG_HASH, 5, b"record", entries(0, 600))


def test_everything_is_there_after_closing_and_opening(opener: Opener) -> None:
    with opener() as before:
        before.runs.create("reviews", CONFIG_HASH, b"one")
        before.runs.write("reviews", 1, EVERY_BYTE, entries(0, 2))
        there = before.runs.read("reviews")
    after = opener()
    assert after.runs.read("reviews") == there
    assert after.ledger.entries("reviews") == entries(0, 2)
