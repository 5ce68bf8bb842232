"""Guards the bytes before libzmq gets them: ZMTP that keeps its limits passes, in any portions, and nothing else."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_swarm.transport.framing import GREETING_BYTES, FrameScanner
from shoal_swarm.transport.reasons import LinkRefused, Reason

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)


def _scanner() -> FrameScanner:
    return FrameScanner("ana", frame_bytes_max=1000, command_bytes_max=100, parts_max=2)


def _frame(length: int, *, more: bool = False, command: bool = False) -> bytes:
    flags = more + 4 * command
    head = bytes([flags, length]) if length < 256 else bytes([flags | 2]) + length.to_bytes(8, "big")
    return head + bytes(length)


def _refusal_of(data: bytes) -> Reason:
    with pytest.raises(LinkRefused) as refusal:
        _scanner().feed(memoryview(data))
    return refusal.value.reason


MESSAGES = st.lists(st.lists(st.integers(0, 1000), min_size=1, max_size=2), max_size=8)


@given(MESSAGES, st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_messages_are_counted_whatever_the_portions(messages: list[list[int]], portions: list[int]) -> None:
    stream = GREETING + _frame(30, command=True)
    for parts in messages:
        stream += b"".join(_frame(size, more=at < len(parts) - 1) for at, size in enumerate(parts))
    scanner = _scanner()
    at = turn = 0
    while at < len(stream):
        step = portions[turn % len(portions)]
        scanner.feed(memoryview(stream)[at : at + step])
        at, turn = at + step, turn + 1
    assert scanner.messages == len(messages)


@given(st.binary(max_size=600))
def test_whatever_comes_passes_or_is_refused_by_name(data: bytes) -> None:
    for opening in (b"", GREETING):
        with contextlib.suppress(LinkRefused):
            _scanner().feed(memoryview(opening + data))


def test_each_limit_holds_at_its_edge() -> None:
    _scanner().feed(memoryview(GREETING + _frame(1000) + _frame(100, command=True) + _frame(1, more=True) + _frame(1)))
    assert _refusal_of(GREETING + _frame(1001)) is Reason.TOO_LONG
    assert _refusal_of(GREETING + _frame(101, command=True)) is Reason.TOO_LONG
    assert _refusal_of(GREETING + _frame(0, more=True) * 3) is Reason.TOO_MANY_PARTS
    assert len(GREETING) == GREETING_BYTES


@pytest.mark.parametrize(
    "data",
    [b"G", b"\xff" + bytes(63), GREETING.replace(b"\x03\x01", b"\x02\x00"), GREETING + b"\x05\x00", GREETING + b"\x08"],
    ids=["http", "no-signature", "zmtp-2", "command-with-more", "unknown-flag"],
)
def test_what_is_no_zmtp_3_of_ours_is_refused(data: bytes) -> None:
    assert _refusal_of(data + b"\0") is Reason.NOT_ZMTP
