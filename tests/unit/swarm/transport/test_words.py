"""Guards what may be said: every message has a row and a size, and nothing else decodes."""

import contextlib
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_certs.identity import Identity, Role
from shoal_swarm.protocol.messages import (
    ALL_MESSAGES,
    CHUNK_BYTES,
    DIGEST_BYTES,
    LIST_BYTES_MAX,
    PAYLOAD_CARRIERS,
    TRANSFER_BYTES_MAX,
    Announce,
    AnyMessage,
    Bye,
    Grant,
    Hashes,
    Hello,
    Level,
    MessageRefused,
    Ping,
    decode,
    encode,
)
from shoal_swarm.protocol.roles import TABLE, LinkKind, RoleWord, may_dial, may_say
from shoal_swarm.transport.customs import Customs
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.reasons import LinkRefused, Reason

ANA, BEN = Identity("reef", Role.NODE, "ana"), Identity("reef", Role.NODE, "ben")


def test_every_message_has_a_row_and_every_row_a_message() -> None:
    assert set(TABLE) == set(ALL_MESSAGES) == set(get_args(AnyMessage))
    assert set(ALL_MESSAGES) >= PAYLOAD_CARRIERS


def test_a_message_without_a_row_is_never_allowed() -> None:
    class Whisper(Ping, frozen=True, tag="whisper"):
        """Not in the table."""

    assert not any(may_say(Whisper, one, other, kind) for one in Role for other in Role for kind in LinkKind)


def test_the_words_for_roles_are_the_ones_that_certificates_carry() -> None:
    assert set(get_args(RoleWord)) == {role.value for role in Role}


def test_tensors_travel_between_nodes_only_and_never_on_a_control_link() -> None:
    tensors = [message for message in ALL_MESSAGES if message.__name__ in {"Announce", "Chunk", "Hashes", "Grant"}]
    allowed = {
        (one, other, kind)
        for message in tensors
        for one in Role
        for other in Role
        for kind in LinkKind
        if may_say(message, one, other, kind)
    }
    assert allowed == {(Role.NODE, Role.NODE, LinkKind.BULK)}
    assert not may_dial("node", "sentinel", LinkKind.BULK)
    assert may_dial("node", "sentinel", LinkKind.CONTROL)
    assert not any(may_dial("sentinel", role, kind) for role in Role for kind in LinkKind)


def test_the_longest_message_fits_its_limit() -> None:
    longest = Hashes(transfer=2**32 - 1, level=Level.CHUNKS, group=2**32 - 1, hashes=bytes(LIST_BYTES_MAX))
    assert len(encode(longest)) <= DEFAULT_LIMITS.message_bytes_max == 64 * 1024
    hello = Hello(sender="s" * 255, versions=(65535,) * 8)
    assert len(encode(hello)) <= DEFAULT_LIMITS.greeting_bytes_max == 4096


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "bye"},
        {"kind": "bye", "reason": "Not A Word"},
        {"kind": "bye", "reason": "x" * 65},
        {"kind": "bye", "reason": "closed", "more": 1},
        {"kind": "hello", "sender": "", "versions": [1]},
        {"kind": "hello", "sender": "s", "versions": []},
        {"kind": "hello", "sender": "s", "versions": [1] * 9},
        {"kind": "ping", "number": -1},
        {"kind": "ping", "number": 2**32},
        {"kind": "ping", "number": "1"},
        {"kind": "grant", "transfer": 0, "first": 0.5, "until": 1},
        {"kind": "announce", "transfer": 0, "content": b"short", "size": 1, "root": bytes(32)},
        {"kind": "announce", "transfer": 0, "content": bytes(32), "size": TRANSFER_BYTES_MAX + 1, "root": bytes(32)},
        {"kind": "hashes", "transfer": 0, "level": "middle", "group": 0, "hashes": bytes(32)},
        {"kind": "hashes", "transfer": 0, "level": "top", "group": 0, "hashes": bytes(LIST_BYTES_MAX + 32)},
        {"kind": "nobody"},
        [1, 2],
        None,
    ],
)
def test_nothing_that_breaks_a_bound_decodes(bad: object) -> None:
    with pytest.raises(MessageRefused):
        decode(msgspec.msgpack.encode(bad), bytes_max=1 << 20)


def test_a_refusal_does_not_repeat_whatever_a_peer_wrote() -> None:
    frame = msgspec.msgpack.encode({"kind": "ping", "number": 1, "\x1b[2J\n" + "x" * 9000: 1})
    with pytest.raises(MessageRefused) as refusal:
        decode(frame, bytes_max=65_536)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


def test_size_is_asked_before_a_byte_is_decoded() -> None:
    with pytest.raises(MessageRefused, match="70000 bytes"):
        decode(b"\xc1" * 70_000, bytes_max=65_536)


MESSAGES = st.one_of(
    st.builds(Ping, number=st.integers(0, 2**32 - 1)),
    st.builds(Bye, reason=st.from_regex(r"\A[a-z][a-z0-9-]{0,63}\Z")),
    st.builds(Grant, transfer=st.integers(0, 9), first=st.integers(0, 2**20), until=st.integers(0, 2**20)),
    st.builds(
        Announce,
        transfer=st.integers(0, 9),
        content=st.binary(min_size=32, max_size=32),
        size=st.integers(0, TRANSFER_BYTES_MAX),
        root=st.binary(min_size=32, max_size=32),
    ),
)


@given(MESSAGES)
def test_what_is_encoded_decodes_to_the_same(message: AnyMessage) -> None:
    assert decode(encode(message), bytes_max=65_536) == message


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_customs_let_through_or_refuse_by_name_whatever_comes(frames: list[bytes]) -> None:
    customs = Customs(ANA, BEN, LinkKind.BULK, DEFAULT_LIMITS)
    with contextlib.suppress(LinkRefused):
        customs.inspect(frames)


@given(MESSAGES, st.data())
def test_a_message_with_a_changed_byte_is_refused_or_another_message(message: AnyMessage, data: st.DataObject) -> None:
    raw = bytearray(encode(message))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(LinkRefused):
        Customs(ANA, BEN, LinkKind.BULK, DEFAULT_LIMITS).inspect([bytes(raw), b""])


def test_customs_forgive_a_burst_and_refuse_a_stream() -> None:
    customs = Customs(ANA, BEN, LinkKind.CONTROL, DEFAULT_LIMITS)
    ping = customs.inspect([encode(Ping(number=1))])
    for _ in range(1000):
        customs.count(ping, now=0.0)
    with pytest.raises(LinkRefused) as refusal:
        customs.count(ping, now=0.0)
    assert refusal.value.reason is Reason.FLOOD
    customs.count(ping, now=1.0)


def test_reasons_are_words_that_a_goodbye_can_carry() -> None:
    for reason in Reason:
        assert decode(encode(Bye(reason=reason.value)), bytes_max=4096) == Bye(reason=reason.value)
        assert reason.sentence
        assert not reason.sentence.endswith(".")
    assert DIGEST_BYTES * 1024 == LIST_BYTES_MAX
    assert CHUNK_BYTES == 1 << 20
