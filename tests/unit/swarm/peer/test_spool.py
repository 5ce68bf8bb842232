"""The spool holds what was not asked to be kept, forgets it when told, and deletes it when there is time."""

from pathlib import Path

from shoal_swarm.peer.spool import Spool
from shoal_swarm.protocol.digests import digest_of


def test_what_is_dropped_is_gone_at_once_and_deleted_bit_by_bit(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 0)
    digests = [spool.put(bytes([number])) for number in range(5)]
    spool.drop(digests)
    assert [spool.read(digest) for digest in digests] == [None] * 5
    assert len(list((tmp_path / "spool/aside").iterdir())) == 5
    assert spool.tidy(4)
    assert not spool.tidy(4)
    assert not list((tmp_path / "spool/aside").iterdir())
    assert spool.put(b"\x01") == digests[1]
    assert spool.read(digests[1]) == b"\x01"


def test_what_came_in_one_round_is_there_in_the_next_and_not_in_the_one_after(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 0)
    kept = spool.put(b"this round's")
    spool.turn()
    assert spool.read(kept) == b"this round's"
    spool.turn()
    assert spool.read(kept) is None


def test_a_new_start_begins_with_an_empty_spool(tmp_path: Path) -> None:
    kept = Spool(tmp_path / "spool", 0).put(b"before the crash")
    assert Spool(tmp_path / "spool", 0).read(kept) is None


def test_bytes_that_were_changed_are_not_there(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 0)
    kept = spool.put(b"as it was")
    (tmp_path / "spool" / kept.hex()).write_bytes(b"as it is")
    assert spool.read(kept) is None
    assert digest_of(b"as it was") == kept
