"""Every storage of a peer keeps the promises of its contract, wherever a process dies and whatever the disk does."""

from collections.abc import Callable
from typing import Any

import pytest

from shoal_swarm.peer.storage import Found, Storage, StorageFailed
from shoal_swarm.protocol.folding import Books
from tests.contracts.storage.machines import Act, Machine
from tests.contracts.storage.samples import books, digest, entries

MOMENTS_MAX = 400
OLD, NEW = range(3), range(10, 13)


def look(machine: Machine) -> Found:
    """What the next start finds; every blob that it lists can be read, and is what it was."""
    seen: list[Found] = []

    def act(storage: Storage[Any], found: Found) -> None:
        for number in (*OLD, *NEW):
            if digest(number) in found.blobs:
                assert (digest(number), storage.read(digest(number))) == machine.blob(number)
        seen.append(found)

    machine.live(act)
    return seen[0]


def blobs(*numbers: int) -> frozenset[bytes]:
    return frozenset(digest(number) for number in numbers)


def keep(machine: Machine, *numbers: int) -> Act:
    return lambda storage, _: storage.keep(machine.blob(number) for number in numbers)


def begin(machine: Machine) -> None:
    """Some blobs, a page of books and two entries, all durable."""

    def act(storage: Storage[Any], _: Found) -> None:
        storage.keep(machine.blob(number) for number in OLD)
        storage.append_ledger(entries(2))
        storage.write_books(books(1))

    machine.live(act)


def test_a_new_storage_is_empty(machine: Machine) -> None:
    assert look(machine) == Found(Books(), (), frozenset())


def test_returned_means_durable(machine: Machine) -> None:
    begin(machine)
    assert look(machine) == Found(books(1), entries(2), blobs(*OLD))


def test_the_last_books_count(machine: Machine) -> None:
    def act(storage: Storage[Any], _: Found) -> None:
        for number in range(5):
            storage.write_books(books(number))

    machine.live(act)
    assert look(machine).books == books(4)


def test_a_ledger_grows_over_restarts(machine: Machine) -> None:
    for first in range(0, 12, 3):
        machine.live(lambda storage, _, first=first: storage.append_ledger(entries(3, first=first)))  # type: ignore[misc]
    assert look(machine).ledger == entries(12)


def test_an_entry_that_was_not_believed_is_replaced(machine: Machine) -> None:
    forked = entries(3, flavour=b"another ")
    machine.live(lambda storage, _: storage.append_ledger(entries(4)))
    machine.live(lambda storage, _: storage.append_ledger(forked[1:]))
    assert look(machine).ledger == (*entries(1), *forked[1:])


def test_dropped_blobs_are_gone_for_their_process_and_others_stay(machine: Machine) -> None:
    begin(machine)

    def act(storage: Storage[Any], _: Found) -> None:
        storage.drop([digest(0), digest(99)])
        assert storage.read(digest(0)) is None
        assert storage.read(digest(1)) is not None

    machine.live(act)
    assert look(machine).blobs >= blobs(1, 2)


def test_a_damaged_blob_is_lost_and_can_be_kept_again(machine: Machine) -> None:
    begin(machine)

    def notices_at_work(storage: Storage[Any], _: Found) -> None:
        machine.scratch(1)
        assert storage.read(digest(1)) is None
        assert storage.read(digest(2)) is not None
        storage.keep([machine.blob(1)])
        assert (digest(1), storage.read(digest(1))) == machine.blob(1)

    machine.live(notices_at_work)
    assert look(machine).blobs == blobs(*OLD)
    machine.scratch(2)
    found = look(machine)
    assert found.blobs == blobs(0, 1)
    assert len(found.notes) == 1
    assert look(machine).notes == ()


CALLS: dict[str, Callable[[Machine], Act]] = {
    "keep": lambda machine: keep(machine, *NEW),
    "keep again": lambda machine: keep(machine, *OLD, *NEW),
    "write_books": lambda _: lambda storage, _: storage.write_books(books(2)),
    "append_ledger": lambda _: lambda storage, _: storage.append_ledger(entries(3, first=2)),
    "replace in the ledger": lambda _: lambda storage, _: storage.append_ledger(entries(4, first=1)),
    "drop": lambda _: lambda storage, _: storage.drop([digest(0)]),
}


@pytest.mark.parametrize("call", [call for call in CALLS if call != "drop"])
def test_a_full_disk_acknowledges_nothing_then_or_later(machine: Machine, call: str) -> None:
    begin(machine)

    def act(storage: Storage[Any], found: Found) -> None:
        with machine.fill(), pytest.raises(StorageFailed, match="no space left"):
            CALLS[call](machine)(storage, found)
        with pytest.raises(StorageFailed):
            storage.write_books(books(3))

    machine.live(act)
    check_between(look(machine))
    machine.live(CALLS[call](machine))
    begin(machine)


def check_between(found: Found) -> None:
    """What may be there when a call after `begin` was cut short."""
    assert found.books in (books(1), books(2))
    assert found.ledger == entries(5)[: len(found.ledger)]
    assert len(found.ledger) >= 1
    assert blobs(1, 2) <= found.blobs <= blobs(*OLD, *NEW)


IN_FULL = {"replace in the ledger", "drop"}
"""Made of the same steps as the others: every start rewrites, and a drop is never waited for."""


@pytest.mark.parametrize(
    "call", [pytest.param(call, marks=pytest.mark.full if call in IN_FULL else []) for call in CALLS]
)
def test_whenever_it_dies_what_was_durable_stays_and_what_is_found_stays(
    make_machine: Callable[[], Machine], call: str
) -> None:
    for moment in range(MOMENTS_MAX):
        machine = make_machine()
        begin(machine)
        if not machine.die(CALLS[call](machine), moment):
            assert moment > 10
            return
        found = look(machine)
        check_between(found)
        if call != "replace in the ledger":
            assert len(found.ledger) >= 2
        if call != "drop":
            assert found.blobs >= blobs(*OLD)
        again = look(machine)
        assert (again.books, again.ledger, again.blobs) == (found.books, found.ledger, found.blobs)
    raise AssertionError("it does not come to an end")
