"""Guards a transfer's two state machines and what lies on disk: in order, verified, resumable, and never more."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal_base.errors import PlaceRefused
from shoal_swarm.protocol.messages import (
    CHUNK_BYTES,
    TRANSFER_BYTES_MAX,
    Announce,
    Chunk,
    Grant,
    Hashes,
    Level,
    encode,
)
from shoal_swarm.transport.bulk.receiving import Receiving
from shoal_swarm.transport.bulk.sending import Sending
from shoal_swarm.transport.bulk.source import BytesSource, FileSource
from shoal_swarm.transport.bulk.store import Store, stem_of
from shoal_swarm.transport.bulk.tree import Description, chunk_length
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.reasons import LinkRefused, Reason, TransferRefused


def _made_up(size: int) -> Description:
    """A content that nobody has to hold: its hashes are made up."""
    chunks = -(-size // CHUNK_BYTES)
    hashes = b"".join(index.to_bytes(32, "big") for index in range(chunks))
    return Description(bytes(32), size, hashes)


def _meet(what: Description, first: int, limits: int) -> tuple[Sending, Receiving]:
    sending = Sending(0, what, "ben")
    receiving = Receiving(sending.announcement, first, replace(DEFAULT_LIMITS, window_chunks=limits), "ana", 0.0)
    return sending, receiving


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 2600), st.data())
def test_every_chunk_is_asked_for_once_in_order_wherever_it_resumes(chunks: int, data: st.DataObject) -> None:
    what = _made_up(chunks * CHUNK_BYTES - data.draw(st.integers(0, CHUNK_BYTES - 1)))
    first = data.draw(st.integers(0, chunks - 1))
    sending, receiving = _meet(what, first, data.draw(st.integers(2, 64)))
    seen = []
    while not receiving.complete:
        grant = receiving.grant()
        assert grant is not None, "credit never runs dry while chunks are missing and none is on its way"
        for say in sending.granted(grant):
            if isinstance(say, Hashes):
                receiving.take_hashes(say)
                continue
            assert receiving.expect(say, chunk_length(what.size, say.index)) == say.index.to_bytes(32, "big")
            receiving.written(1, CHUNK_BYTES, now=1.0)
            seen.append(say.index)
    assert seen == list(range(first, chunks))


def test_no_list_is_longer_than_32_kib_for_a_terabyte() -> None:
    what = _made_up(TRANSFER_BYTES_MAX)
    last = what.chunks - 1
    says = Sending(0, what, "ben").granted(Grant(transfer=0, first=last, until=what.chunks))
    assert [len(encode(say)) < 33 * 1024 for say in says] == [True] * 3
    assert says[-1] == Chunk(transfer=0, index=last)
    gib_64 = _made_up(64 << 30)
    sending = Sending(0, gib_64, "ben")
    lists = [say for at in range(0, gib_64.chunks, 1024) for say in sending.granted(_grant(at)) if _is_list(say)]
    assert len(lists) == 1 + 64
    assert max(len(encode(say)) for say in lists) < DEFAULT_LIMITS.message_bytes_max


def _grant(at: int) -> Grant:
    return Grant(transfer=0, first=at, until=at + 1024)


def _is_list(say: Hashes | Chunk) -> bool:
    return isinstance(say, Hashes)


def _refused(receiving: Receiving, say: Hashes | Chunk, length: int = CHUNK_BYTES) -> Reason:
    try:
        receiving.take_hashes(say) if isinstance(say, Hashes) else receiving.expect(say, length)
    except LinkRefused as refusal:
        return refusal.reason
    raise AssertionError(f"{say} was let through")


def test_whatever_is_not_due_is_refused() -> None:
    what = _made_up(1500 * CHUNK_BYTES)
    sending, receiving = _meet(what, 0, 8)
    grant = receiving.grant()
    assert grant == Grant(transfer=0, first=0, until=8)
    assert receiving.grant() is None
    top, group, *chunks = sending.granted(grant)
    assert isinstance(top, Hashes)
    assert isinstance(group, Hashes)
    assert _refused(receiving, group) is Reason.OUT_OF_TURN
    assert _refused(receiving, Hashes(transfer=0, level=Level.TOP, group=0, hashes=bytes(64))) is Reason.WRONG_HASH
    assert _refused(receiving, Hashes(transfer=0, level=Level.TOP, group=0, hashes=bytes(32))) is Reason.OUT_OF_TURN
    receiving.take_hashes(top)
    assert _refused(receiving, top) is Reason.OUT_OF_TURN
    assert _refused(receiving, chunks[0]) is Reason.OUT_OF_TURN
    wrong = Hashes(transfer=0, level=Level.CHUNKS, group=0, hashes=bytes(32 * 1024))
    assert _refused(receiving, wrong) is Reason.WRONG_HASH
    receiving.take_hashes(group)
    assert _refused(receiving, Chunk(transfer=0, index=1)) is Reason.OUT_OF_TURN
    assert _refused(receiving, Chunk(transfer=0, index=0), 5) is Reason.OUT_OF_TURN


@pytest.mark.parametrize("grant", [(0, 0), (3, 2), (0, 3000), (5, 4), (0, 1025)])
def test_a_sender_refuses_a_grant_that_makes_no_sense(grant: tuple[int, int]) -> None:
    with pytest.raises(LinkRefused):
        Sending(0, _made_up(1500 * CHUNK_BYTES), "ben").granted(Grant(transfer=0, first=grant[0], until=grant[1]))


def test_a_sender_has_thirty_seconds_for_a_chunk_and_a_minute_to_find_its_pace() -> None:
    _, receiving = _meet(_made_up(1500 * CHUNK_BYTES), 0, 8)
    assert receiving.too_slow(now=30.0) is None
    assert receiving.too_slow(now=30.1) is Reason.STALLED
    for at in range(1, 100):
        receiving.written(1, 100_000, now=at * 10.0)
        assert receiving.too_slow(now=at * 10.0) is (Reason.TOO_SLOW if at > 6 else None)


def test_names_are_what_b3sum_prints(tmp_path: Path) -> None:
    data = os.urandom(3 * CHUNK_BYTES + 17)
    (tmp_path / "file").write_bytes(data)
    source = FileSource(tmp_path / "file")
    assert source.description == BytesSource(data).description
    assert source.description.content == blake3(data).digest()
    assert source.read(3) == data[-17:]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TransferRefused, match="changed"):
        source.read(0)
    source.close()
    with pytest.raises(PlaceRefused):
        FileSource(tmp_path / "nowhere")


def _announce(source: BytesSource) -> Announce:
    return Sending(0, source.description, "ben").announcement


def _chunks(source: BytesSource, first: int, until: int) -> list[tuple[memoryview, bytes]]:
    hashes = source.description.hashes
    return [(source.read(index), hashes[index * 32 : index * 32 + 32]) for index in range(first, until)]


def _write(store: Store, source: BytesSource, upto: int) -> None:
    partial = store.begin(_announce(source))
    partial.write(_chunks(source, partial.position, upto))
    partial.close()


def test_an_unfinished_content_is_taken_up_where_its_last_good_chunk_is(tmp_path: Path) -> None:
    source = BytesSource(os.urandom(5 * CHUNK_BYTES))
    _write(Store(tmp_path, 0), source, 4)
    again = Store(tmp_path, 0).begin(_announce(source))
    assert again.position == 4
    with pytest.raises(TransferRefused) as refusal:
        again.write([(source.read(0), _chunks(source, 4, 5)[0][1])])
    assert refusal.value.reason is Reason.WRONG_HASH
    again.close()
    (part,) = tmp_path.glob("*.part")
    with part.open("r+b") as file:
        file.seek(2 * CHUNK_BYTES + 5)
        file.write(b"rot")
    assert os.stat(part).st_mode & 0o777 == 0o600  # noqa: PTH116
    last = Store(tmp_path, 0).begin(_announce(source))
    assert last.position == 2, "what a disk lost was never there"
    last.write(_chunks(source, 2, 5))
    assert last.finish().read_bytes() == bytes(source._data)
    assert [path.name for path in tmp_path.iterdir()] == [source.description.content.hex()]


def test_chunks_that_fit_a_tree_but_not_the_name_are_thrown_away(tmp_path: Path) -> None:
    source = BytesSource(os.urandom(2 * CHUNK_BYTES))
    announce = Announce(transfer=0, content=bytes(32), size=2 * CHUNK_BYTES, root=source.description.root)
    partial = Store(tmp_path, 0).begin(announce)
    partial.write(_chunks(source, 0, 2))
    with pytest.raises(TransferRefused, match="the whole does not"):
        partial.finish()
    assert not list(tmp_path.iterdir())


def test_one_content_is_written_by_one_transfer_at_a_time(tmp_path: Path) -> None:
    store, source = Store(tmp_path, 0), BytesSource(os.urandom(2 * CHUNK_BYTES))
    first = store.begin(_announce(source))
    with pytest.raises(TransferRefused) as refusal:
        store.begin(_announce(source))
    assert refusal.value.reason is Reason.ALREADY_COMING
    first.close()
    store.begin(_announce(source)).close()


def test_a_wrong_root_keeps_nobody_away_from_a_content(tmp_path: Path) -> None:
    store, source = Store(tmp_path, 0), BytesSource(os.urandom(2 * CHUNK_BYTES))
    honest = _announce(source)
    liar = store.begin(Announce(transfer=0, content=honest.content, size=honest.size, root=bytes(32)))
    store.begin(honest).close()
    liar.close()
    liar.close()
    store.begin(honest).close()


def test_what_nobody_goes_on_with_is_thrown_away_and_what_is_not_ours_never(tmp_path: Path) -> None:
    sources = [BytesSource(os.urandom(2 * CHUNK_BYTES)) for _ in range(5)]
    for at, source in enumerate(sources[:4]):
        _write(Store(tmp_path, 0), source, 1)
        (part,) = tmp_path.glob(f"{source.description.content.hex()}*.part")
        os.utime(part, (at, at) if at == 0 else None)
    left = tmp_path / f"{'ab' * 32}-01234567.new"
    foreign = [tmp_path / name for name in ("film.part", "film.hashes", "notes.new", "-.part")]
    for path in (left, *foreign):
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    store = Store(tmp_path, 0, unfinished_max=3)
    store.begin(_announce(sources[4])).close()
    kept = {path.name[:64] for path in tmp_path.glob("*-*.part")} - {"-.part"}
    assert kept == {source.description.content.hex() for source in sources[1:]}
    assert not left.exists()
    store = Store(tmp_path, 10 * CHUNK_BYTES, lambda _: 0)
    with pytest.raises(TransferRefused, match="disk-full"):
        store.begin(_announce(BytesSource(os.urandom(2 * CHUNK_BYTES))))
    assert all(path.exists() for path in foreign)


def test_a_link_planted_where_a_content_would_be_written_is_not_followed(tmp_path: Path) -> None:
    source = BytesSource(os.urandom(2 * CHUNK_BYTES))
    mine = tmp_path / "mine"
    mine.write_bytes(b"precious")
    inbox = tmp_path / "inbox"
    store = Store(inbox, 0)
    (inbox / f"{stem_of(_announce(source))}.part").symlink_to(mine)
    with pytest.raises(TransferRefused):
        store.begin(_announce(source))
    store.path(source.description.content).symlink_to(mine)
    assert not store.has(source.description.content)
    small = BytesSource(b"small")
    store.path(small.description.content).symlink_to(mine)
    store.put(_announce(small).content, b"small")
    assert mine.read_bytes() == b"precious"


def test_a_disk_that_fails_at_the_end_is_no_fault_of_the_sender(tmp_path: Path) -> None:
    source = BytesSource(os.urandom(2 * CHUNK_BYTES))
    store = Store(tmp_path, 0)
    partial = store.begin(_announce(source))
    partial.write(_chunks(source, 0, 2))
    (store.path(source.description.content) / "in-the-way").mkdir(parents=True)
    with pytest.raises(TransferRefused) as refusal:
        partial.finish()
    assert refusal.value.reason is Reason.DISK_FULL
    assert store.begin(_announce(source)).position == 2


def test_unfinished_contents_give_way_before_a_disk_is_full(tmp_path: Path) -> None:
    old, new = (BytesSource(os.urandom(3 * CHUNK_BYTES)) for _ in range(2))

    def free(folder: Path) -> int:
        return 5 * CHUNK_BYTES - sum(path.stat().st_size for path in folder.glob("*.part"))

    _write(Store(tmp_path, 0), old, 1)
    store = Store(tmp_path, CHUNK_BYTES, free)
    partial = store.begin(_announce(new))
    assert [path.name[:64] for path in tmp_path.glob("*.part")] == [new.description.content.hex()]
    with pytest.raises(TransferRefused) as refusal:
        store.begin(_announce(old))
    assert refusal.value.reason is Reason.DISK_FULL
    partial.close()
