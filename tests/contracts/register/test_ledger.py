"""A ledger is read in order, page by page, and there is no way to change it."""

import pytest

from shoal_base.errors import InputRefused
from shoal_swarm.register import Entry, Register, Won
from shoal_swarm.register.values import ENTRY_BYTES_MAX, LEDGER_PAGE_ENTRIES_MAX, NUMBER_MAX
from tests.contracts.register.samples import CONFIG_HASH, entries, entry


def test_a_ledger_is_read_page_by_page(register: Register) -> None:
    length = 2 * LEDGER_PAGE_ENTRIES_MAX + 3
    register.runs.restore("reviews", CONFIG_HASH, 1, b"", entries(0, length))
    read: list[Entry] = []
    while page := register.ledger.entries("reviews", first=len(read)):
        assert len(page) <= LEDGER_PAGE_ENTRIES_MAX
        read.extend(page)
    assert read == entries(0, length)


def test_a_page_has_as_many_entries_as_asked_for(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"", entries(0, 5))
    assert register.ledger.entries("reviews", 1, limit=2) == entries(1, 2)
    assert register.ledger.entries("reviews", 4, limit=2) == entries(4, 1)
    assert register.ledger.entries("reviews", NUMBER_MAX) == []


def test_a_page_beyond_its_bound_is_refused(register: Register) -> None:
    for first, limit in ((-1, 1), (0, 0), (0, LEDGER_PAGE_ENTRIES_MAX + 1), (NUMBER_MAX + 1, 1)):
        with pytest.raises(InputRefused):
            register.ledger.entries("reviews", first, limit)


def test_an_empty_ledger_has_no_head(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"")
    assert register.ledger.heads() == {}


def test_an_entry_at_its_bound_is_kept_and_one_beyond_is_refused(register: Register) -> None:
    register.runs.create("reviews", CONFIG_HASH, b"")
    with pytest.raises(InputRefused, match="entry of 65537 bytes"):
        register.runs.write("reviews", 1, b"", [entry(0, bytes(ENTRY_BYTES_MAX + 1))])
    assert register.runs.write("reviews", 1, b"", [entry(0, bytes(ENTRY_BYTES_MAX))]) == Won(version=2)
    assert register.ledger.entries("reviews") == [entry(0, bytes(ENTRY_BYTES_MAX))]


def test_a_ledger_has_no_way_to_change_it(register: Register) -> None:
    assert {name for name in dir(register.ledger) if not name.startswith("_")} == {"entries", "heads"}
