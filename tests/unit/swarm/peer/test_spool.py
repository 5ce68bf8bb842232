"""The spool holds what was not asked to be kept, forgets it when told, and deletes it when there is time."""

from pathlib import Path

import pytest

from shoal_base.errors import PlaceRefused
from shoal_swarm.peer.spool import Spool
from shoal_swarm.protocol.digests import digest_of


@pytest.fixture(params=[1 << 20, 0, 2], ids=["in memory", "in files", "in both"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Spool:
    """A spool with much, no or a little memory."""
    return Spool(tmp_path / "spool", 0, memory_bytes_max=request.param)


def test_what_is_dropped_is_gone_at_once_and_files_are_deleted_bit_by_bit(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 0, memory_bytes_max=2)
    digests = [spool.put(bytes([number])) for number in range(7)]
    spool.drop(digests)
    assert [spool.read(digest) for digest in digests] == [None] * 7
    assert not any(spool.has(digest) for digest in digests)
    assert len(list((tmp_path / "spool/aside").iterdir())) == 5
    assert spool.tidy(4)
    assert not spool.tidy(4)
    assert not list((tmp_path / "spool/aside").iterdir())
    assert spool.put(b"\x01") == digests[1]
    assert spool.read(digests[1]) == b"\x01"


def test_what_came_in_one_round_is_there_in_the_next_and_not_in_the_one_after(spool: Spool) -> None:
    kept = [spool.put(content) for content in (b"A", b"this round's", b"B")]
    spool.turn()
    assert [spool.read(one) for one in kept] == [b"A", b"this round's", b"B"]
    spool.turn()
    assert [spool.read(one) for one in kept] == [None] * 3


def test_memory_holds_no_more_than_its_bound_and_is_free_again_after_a_drop(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 0, memory_bytes_max=100)
    for _ in range(3):
        kept = [spool.put(bytes([number]) * 30) for number in range(6)]
        assert kept == [spool.put(bytes([number]) * 30) for number in range(6)]
        assert len([path for path in (tmp_path / "spool").iterdir() if path.is_file()]) == 3
        assert all(map(spool.has, kept))
        spool.drop(kept)


def test_where_no_room_is_left_nothing_is_laid_down(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1 << 60, memory_bytes_max=0)
    with pytest.raises(PlaceRefused, match="takes no more"):
        spool.put(b"one too many")
    assert spool.read(digest_of(b"one too many")) is None


def test_a_new_start_begins_with_an_empty_spool(tmp_path: Path) -> None:
    for memory_bytes_max in (0, 100):
        kept = Spool(tmp_path / "spool", 0, memory_bytes_max).put(b"before the crash")
        assert Spool(tmp_path / "spool", 0, memory_bytes_max).read(kept) is None


def test_bytes_that_were_changed_are_not_there(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 0, memory_bytes_max=0)
    kept = spool.put(b"as it was")
    (tmp_path / "spool" / kept.hex()).write_bytes(b"as it is")
    assert spool.read(kept) is None
    assert digest_of(b"as it was") == kept
