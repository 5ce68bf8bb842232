"""On files: syncs come in order, damage is told and never used, room is kept free, and a failing disk ends it."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from shoal_base.errors import PlaceRefused
from shoal_swarm.peer.storage import FileStorage, Found, StorageFailed, open_storage
from shoal_swarm.peer.storage.storage import JOURNAL_BYTES_MAX
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.folding import Books, Kept
from shoal_swarm.protocol.names import Digest, NodeName, RunId
from shoal_swarm.service.entries import spelled
from tests.contracts.storage.machines import flip, flip_blob
from tests.contracts.storage.samples import books, digest, entries, some_bytes
from tests.crash.operations import Operations, fail_with, watched

Act = Callable[[FileStorage], object]
ACTS: dict[str, Act] = {
    "keep": lambda storage: storage.keep([some_blob(5), some_blob(6)]),
    "write_books": lambda storage: storage.write_books(books(2)),
    "append_ledger": lambda storage: storage.append_ledger(entries(1, first=2)),
    "drop": lambda storage: storage.drop([digest(1)]),
}


def some_blob(number: int) -> tuple[Digest, bytes]:
    return digest(number), some_bytes(number)


@pytest.fixture(autouse=True)
def _nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    """What survives that is asked elsewhere; here waiting for the disk only costs time."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A storage with something in everything, closed."""
    place = tmp_path / "ana"
    with storage_at(place) as (storage, _):
        storage.keep([some_blob(1), some_blob(2)])
        storage.write_books(books(0))
        storage.write_books(books(1))
        storage.append_ledger(entries(2))
    return place


@contextmanager
def storage_at(place: Path, reserve_bytes: int = 0) -> Iterator[tuple[FileStorage, Found]]:
    storage = open_storage(place, run=RunId("reef"), node=NodeName("ana"), reserve_bytes=reserve_bytes)
    try:
        yield storage, storage.read_back()
    finally:
        storage.close()


def found_at(place: Path) -> Found:
    with storage_at(place) as (_, found):
        return found


# -- order ---------------------------------------------------------------------------------------------------


def test_a_pack_is_written_then_synced_then_named_and_then_its_folder_is_synced(place: Path) -> None:
    with storage_at(place) as (storage, _):
        order = _order_of(lambda: storage.keep(some_blob(number) for number in (5, 6, 7)))
    assert order == ["open", *["write", "write"] * 4, "fsync", "replace", "fsync"]


def test_many_blobs_are_few_files_and_share_one_sync_of_the_folder(place: Path) -> None:
    with storage_at(place) as (storage, _), mock.patch("shoal_swarm.peer.storage.blobs.PACK_BYTES_MAX", 10_000):
        order = _order_of(lambda: storage.keep(some_blob(number) for number in range(40)))
    packs = order.count("replace")
    assert 2 < packs < 20
    assert order.count("fsync") == packs + 1
    assert order[-3:] == ["replace", "fsync", "unlink"]
    assert found_at(place).blobs == {digest(number) for number in range(40)}


def test_a_pack_goes_with_the_last_blob_that_is_needed(place: Path) -> None:
    with storage_at(place) as (storage, _):
        storage.keep([some_blob(5), some_blob(6)])
        before = _packs(place)
        storage.drop([digest(5)])
        assert storage.read(digest(5)) is None
        assert _packs(place) == before
        storage.keep([some_blob(6), some_blob(7)])
        assert len(_packs(place)) == len(before)
        storage.drop([digest(6), digest(7)])
        assert len(_packs(place)) == len(before) - 1
        assert storage.read(digest(1)) == some_bytes(1)
    assert found_at(place).blobs == {digest(1), digest(2)}


def test_what_is_kept_in_two_packs_is_one_blob(place: Path) -> None:
    with storage_at(place) as (storage, _):
        storage.keep([some_blob(1), some_blob(5), some_blob(5)])
        storage.keep([some_blob(1), some_blob(5)])
    with storage_at(place) as (storage, found):
        assert found == Found(books(1), entries(2), frozenset({digest(1), digest(2), digest(5)}))
        storage.drop(found.blobs)
        assert _packs(place) == set()


def _packs(place: Path) -> set[str]:
    return {path.name for path in (place / "blobs").iterdir()}


def test_a_page_and_entries_are_one_write_and_one_sync(place: Path) -> None:
    with storage_at(place) as (storage, _):
        assert _order_of(lambda: storage.write_books(books(2))) == ["write", "write", "fsync"]
        assert _order_of(lambda: storage.append_ledger(entries(3, first=2))) == ["write", "write", "fsync"]
        assert _order_of(lambda: storage.append_ledger(())) == []


def test_a_journal_that_grew_is_replaced_by_its_newest_page(place: Path) -> None:
    long = Kept(round=1, root=digest(1), pieces=tuple(digest(number) for number in range(40_000)), examples=1)
    with storage_at(place) as (storage, _):
        sizes = []
        for number in range(8):
            storage.write_books(Books(applied=number, frozen=long))
            sizes.append((place / "journal").stat().st_size)
        order = _order_of(lambda: storage.write_books(Books(applied=8, frozen=long)))
    assert max(sizes) <= JOURNAL_BYTES_MAX
    assert sizes[3] < sizes[2]
    assert order == ["write", "write", "fsync"]
    assert found_at(place).books.applied == 8


def test_replacing_a_journal_syncs_file_then_name(place: Path) -> None:
    with storage_at(place) as (storage, _), mock.patch("shoal_swarm.peer.storage.storage.JOURNAL_BYTES_MAX", 0):
        order = _order_of(lambda: storage.write_books(books(2)))
    assert order == ["open", "write", "write", "fsync", "replace", "fsync"]
    assert found_at(place).books == books(2)


def test_no_more_blobs_than_fill_a_pack_are_held_in_memory(place: Path) -> None:
    before = len(_packs(place))

    def lazily() -> Iterator[tuple[Digest, bytes]]:
        for number in range(5, 9):
            assert len(_packs(place)) == before + number - 5
            yield some_blob(number)

    with storage_at(place) as (storage, _), mock.patch("shoal_swarm.peer.storage.blobs.PACK_BYTES_MAX", 1):
        storage.keep(lazily())


def _order_of(act: Callable[[], object]) -> list[str]:
    with watched(Operations(lambda _: False, fail_with(0))) as operations:
        act()
    return operations.log


# -- damage --------------------------------------------------------------------------------------------------


def test_a_journal_cut_anywhere_falls_back_to_a_whole_page(place: Path) -> None:
    whole = (place / "journal").read_bytes()
    for length in range(len(whole)):
        (place / "journal").write_bytes(whole[:length])
        found = found_at(place)
        assert found.books in (Books(), books(0))
        assert (found.notes == ()) == (length in (0, len(spelled(0, msgspec.msgpack.encode(books(0))))))


def test_a_ledger_with_any_byte_damaged_ends_before_it(place: Path) -> None:
    whole = (place / "ledger").read_bytes()
    second_at = len(spelled(0, msgspec.msgpack.encode(entries(1)[0])))
    for at in range(len(whole)):
        (place / "ledger").write_bytes(whole)
        flip(place / "ledger", at)
        found = found_at(place)
        assert found.ledger == entries(1 if at >= second_at else 0)
        assert len(found.notes) == 1
        assert str(place / "ledger") in found.notes[0]


def test_damage_before_a_whole_page_is_told_apart_from_a_torn_tail(place: Path) -> None:
    with storage_at(place) as (storage, _):
        storage.write_books(books(2))
    flip(place / "journal", 70)
    found = found_at(place)
    assert found.books == books(2)
    assert "in its midst are damaged" in found.notes[0]
    assert found_at(place).notes == ()


def test_a_missing_journal_is_told(place: Path) -> None:
    (place / "journal").unlink()
    found = found_at(place)
    assert found.books == Books()
    assert "journal is missing" in found.notes[0]


def test_what_writers_left_and_rot_is_swept_and_strangers_are_told(place: Path) -> None:
    left = [place / "blobs" / "3-half.pack.partial", place / "journal.partial", place / "ledger.partial"]
    for path in left:
        path.write_bytes(b"half")
    flip_blob(place, 2)
    (place / "blobs" / "notes.txt").write_text("mine")
    (place / "blobs" / "3-named-by-hand.pack").write_bytes(some_bytes(3))
    found = found_at(place)
    assert found.blobs == {digest(1)}
    assert not any(path.exists() for path in left)
    told = "\n".join(found.notes)
    assert len(found.notes) == 3
    assert f"does not hold {digest(2).hex()}" in told
    assert "notes.txt is no blob" in told
    assert "3-named-by-hand.pack does not begin with the index" in told
    assert len(found_at(place).notes) == 1
    assert len(_packs(place)) == 2


def test_a_pack_with_any_bit_of_its_index_damaged_is_lost_whole(place: Path) -> None:
    (pack,) = (place / "blobs").iterdir()
    whole = pack.read_bytes()
    for at in range(2 * 40):
        pack.write_bytes(whole)
        flip(pack, at)
        found = found_at(place)
        assert found.blobs == set()
        assert len(found.notes) == 1


def test_a_link_or_folder_in_a_packs_place_is_no_pack(place: Path, tmp_path: Path) -> None:
    (real,) = (place / "blobs").iterdir()
    with storage_at(place) as (storage, _):
        storage.keep([some_blob(5)])
        real.rename(tmp_path / "elsewhere")
        assert storage.read(digest(1)) is None
        real.symlink_to(tmp_path / "elsewhere")
        assert storage.read(digest(1)) is None
    assert found_at(place).blobs == {digest(5)}
    assert not real.is_symlink()


def test_bytes_that_the_disk_cannot_give_back_are_lost(place: Path) -> None:
    with storage_at(place) as (storage, _), mock.patch.object(os, "read", side_effect=OSError(errno.EIO, "broken")):
        assert storage.read(digest(1)) is None


def test_too_many_open_files_are_no_loss(place: Path) -> None:
    with storage_at(place) as (storage, _):
        with (
            mock.patch.object(os, "open", side_effect=OSError(errno.EMFILE, "Too many open files")),
            pytest.raises(StorageFailed, match="too many open files"),
        ):
            storage.read(digest(1))
        assert storage.read(digest(1)) == some_bytes(1)


def test_bytes_that_changed_on_their_way_are_never_kept(place: Path) -> None:
    with storage_at(place) as (storage, _), pytest.raises(StorageFailed, match="not what their digest says"):
        storage.keep([(digest_of(b"announced"), b"delivered")])
    assert found_at(place).blobs == {digest(1), digest(2)}


def test_an_entry_of_another_kind_is_a_sentence(place: Path) -> None:
    (place / "journal").write_bytes(spelled(0, b"\x81\xa3new\x01"))
    with pytest.raises(PlaceRefused, match="whole but not understood"):
        found_at(place)


# -- disks that fail -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("act", ACTS)
def test_an_operation_that_fails_ends_its_call_and_every_later_one(tmp_path: Path, act: str, number: int) -> None:
    for at in range(100):
        place = tmp_path / str(at)
        with storage_at(place) as (storage, _):
            storage.keep([some_blob(1)])
            storage.write_books(books(1))
            storage.append_ledger(entries(2))
            reason, operations = _failing_at(at, number, lambda: ACTS[act](storage))
            assert reason is not None or operations <= at or number == errno.ENOSPC  # with which unlinking works on
            if reason is not None:
                assert reason == os.strerror(number).lower()
                with pytest.raises(StorageFailed, match=reason):
                    storage.write_books(books(3))
        found = found_at(place)
        assert found.books in (books(1), books(2))
        assert found.ledger in (entries(2), entries(3))
        if operations <= at:
            return
    raise AssertionError("it does not come to an end")


def _failing_at(at: int, number: int, act: Callable[[], object]) -> tuple[str | None, int]:
    """Why a call failed whose operation number `at` did, and how many operations it came to."""
    with watched(Operations(lambda index: index == at, fail_with(number))) as operations:
        try:
            act()
        except StorageFailed as failure:
            return failure.reason, len(operations.log)
    return None, len(operations.log)


def test_the_operating_system_may_take_less_than_it_is_given(tmp_path: Path) -> None:
    write = os.write
    meagre = mock.patch.object(os, "write", lambda handle, data: write(handle, data[:7]))
    with meagre, storage_at(tmp_path / "ana") as (storage, _):
        storage.keep([some_blob(1)])
        storage.write_books(books(1))
        storage.append_ledger(entries(2))
    assert found_at(tmp_path / "ana") == Found(books(1), entries(2), frozenset({digest(1)}))


def test_a_file_size_limit_is_a_full_disk(place: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with storage_at(place) as (storage, _):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
            with pytest.raises(StorageFailed, match="file too large"):
                storage.keep([(digest_of(bytes(10_000)), bytes(10_000))])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    found = found_at(place)
    assert found == Found(books(1), entries(2), frozenset({digest(1), digest(2)}))


def test_blobs_leave_the_reserve_free_and_books_and_ledger_may_use_it(place: Path) -> None:
    with storage_at(place, reserve_bytes=1 << 60) as (storage, _):
        storage.write_books(books(2))
        storage.append_ledger(entries(1, first=2))
        with pytest.raises(StorageFailed, match="no space left on the disk beside the reserve"):
            storage.keep([some_blob(5)])
    assert found_at(place).blobs == {digest(1), digest(2)}


def test_nothing_is_written_before_reading_back_or_after_closing(place: Path) -> None:
    storage = open_storage(place, run=RunId("reef"), node=NodeName("ana"))
    for act in ACTS.values():
        with pytest.raises(AssertionError, match="read_back comes first"):
            act(storage)
    storage.close()
    for act in ACTS.values():
        with pytest.raises(AssertionError, match="is closed"):
            act(storage)
