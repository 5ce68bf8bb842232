"""A journal is read as it was written: whatever is torn, flipped, moved or doubled is noticed and not used."""

from hypothesis import given
from hypothesis import strategies as some

from shoal_swarm.service.entries import MAGIC, Entry, read_entries, spelled

CONTENTS = [b"first", b"", MAGIC * 3, bytes(50)]
ENTRIES = tuple(Entry(number, content) for number, content in enumerate(CONTENTS))
SIZES = [len(spelled(entry.number, entry.content)) for entry in ENTRIES]
WHOLE = b"".join(spelled(entry.number, entry.content) for entry in ENTRIES)


def test_whole_entries_are_read_in_order() -> None:
    reading = read_entries(WHOLE)
    assert (reading.entries, reading.damaged_bytes, reading.torn_bytes) == (ENTRIES, 0, 0)


def test_a_file_cut_anywhere_keeps_what_is_whole_before() -> None:
    for length in range(len(WHOLE)):
        reading = read_entries(WHOLE[:length])
        ends = [sum(SIZES[:count]) for count in range(len(SIZES) + 1)]
        whole = sum(end <= length for end in ends) - 1
        assert reading.entries == ENTRIES[:whole]
        assert (reading.damaged_bytes, reading.torn_bytes) == (0, length - ends[whole])


def test_any_flipped_bit_costs_its_own_entry_and_no_other() -> None:
    ends = [sum(SIZES[:count]) for count in range(len(SIZES) + 1)]
    for at in range(len(WHOLE) * 8):
        damaged = bytearray(WHOLE)
        damaged[at // 8] ^= 1 << at % 8
        hit = next(place for place, end in enumerate(ends[1:]) if at // 8 < end)
        reading = read_entries(bytes(damaged))
        assert reading.entries == ENTRIES[:hit] + ENTRIES[hit + 1 :]
        lost = ends[hit + 1] - ends[hit]
        is_last = hit == len(ENTRIES) - 1
        assert (reading.damaged_bytes, reading.torn_bytes) == ((0, lost) if is_last else (lost, 0))


def test_zeros_where_a_write_should_be_are_no_entry() -> None:
    reading = read_entries(WHOLE + bytes(300))
    assert (reading.entries, reading.torn_bytes) == (ENTRIES, 300)


@given(some.lists(some.binary(max_size=40), max_size=6), some.binary(max_size=60))
def test_what_is_written_is_read_whatever_lies_behind_it(contents: list[bytes], behind: bytes) -> None:
    data = b"".join(spelled(number, content) for number, content in enumerate(contents))
    assert [entry.content for entry in read_entries(data + behind).entries] == contents


@given(some.binary(max_size=300))
def test_no_accident_is_an_entry(data: bytes) -> None:
    assert read_entries(MAGIC + data).entries == ()
