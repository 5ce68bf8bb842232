"""A record is written once, never over another, and read back only as it was written."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shoal_base.errors import PlaceRefused
from shoal_certs.authority import Wish, new_serial
from shoal_certs.keys import new_key
from shoal_certs.records import Record, RecordShelf, live_records
from tests.workshop import DAY, Workshop, identity

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SHOP = Workshop.open(NOW)


def record(name: str = "ana", now: datetime = NOW) -> Record:
    wish = Wish.for_hosts(identity(name), ["reef.example", "10.0.0.5"])
    return Record.of(wish, SHOP.authority.issue(wish, new_key().public_key(), now, new_serial()))


def test_records_come_back_oldest_first(tmp_path: Path) -> None:
    shelf = RecordShelf(tmp_path)
    later, earlier = record("ben", NOW + DAY), record()
    for one in (later, earlier):
        shelf.add(one)
    assert shelf.all() == [earlier, later]
    assert earlier.hosts == ["reef.example", "10.0.0.5"]
    assert shelf.holds(earlier.serial_number)
    assert not shelf.holds(new_serial())


def test_a_serial_is_never_written_twice(tmp_path: Path) -> None:
    shelf, one = RecordShelf(tmp_path), record()
    shelf.add(one)
    with pytest.raises(AssertionError, match="was drawn twice"):
        shelf.add(one)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("serial", "0" * 31),
        ("serial", "../x"),
        ("serial", 12345),
        ("not_after", "2026-03-04T05:06:07"),
        ("not_after", "tomorrow"),
        ("hosts", [1]),
        ("more", 1),
    ],
)
def test_a_record_that_was_changed_is_refused(tmp_path: Path, name: str, value: object) -> None:
    shelf, one = RecordShelf(tmp_path), record()
    shelf.add(one)
    path = tmp_path / f"{one.serial}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(PlaceRefused, match="is not a record of ours"):
        shelf.all()


def test_a_record_under_another_name_is_refused(tmp_path: Path) -> None:
    shelf, one = RecordShelf(tmp_path), record()
    shelf.add(one)
    (tmp_path / f"{one.serial}.json").rename(tmp_path / f"{'f' * 32}.json")
    with pytest.raises(PlaceRefused, match=f"tells of serial {one.serial}"):
        shelf.all()


def test_live_is_what_has_neither_ended_nor_been_revoked() -> None:
    ana, ben, cyd = record(), record("ben"), record("cyd", NOW - 100 * DAY)
    assert live_records([ana, ben, cyd], [ben.serial_number], NOW) == [ana]
