"""No message that can carry a tensor reaches a sentinel, and every message has exactly one row."""

import pytest

from shoal_certs.identity import Role
from shoal_swarm.protocol.base import Message
from shoal_swarm.protocol.messages import ALL_MESSAGES, PAYLOAD_CARRIERS, Announce, Batch, Chunk, Hashes, Ping, Pong
from shoal_swarm.protocol.roles import TABLE, LinkKind, may_dial, may_say
from shoal_swarm.protocol.round_messages import ROUND_MESSAGES, FromNode, FromSentinel

WITH_TENSORS = {Announce, Batch, Hashes, Chunk}


def test_every_message_of_the_union_has_its_row_and_no_other_has_one() -> None:
    assert set(TABLE) == set(ALL_MESSAGES)
    assert set(ROUND_MESSAGES) < set(ALL_MESSAGES)


def test_messages_that_carry_bytes_are_those_of_transfers_and_pings() -> None:
    assert {Announce, Batch, Chunk, Ping, Pong} == PAYLOAD_CARRIERS


@pytest.mark.parametrize("message", sorted(WITH_TENSORS, key=lambda message: message.__name__))
def test_no_tensor_reaches_a_sentinel_or_comes_from_one(message: type[Message]) -> None:
    allowed = {
        (sender, receiver, kind)
        for kind in LinkKind
        for sender in Role
        for receiver in Role
        if may_say(message, sender, receiver, kind)
    }
    assert allowed == {(Role.NODE, Role.NODE, LinkKind.BULK)}


def test_whatever_a_sentinel_may_hear_of_rounds_carries_no_payload() -> None:
    heard = {
        message for message in TABLE for kind in LinkKind for role in Role if may_say(message, role, "sentinel", kind)
    }
    assert not heard & (WITH_TENSORS | (PAYLOAD_CARRIERS - {Ping, Pong}))
    assert set(FromNode.__args__) < heard


def test_rounds_are_spoken_of_between_nodes_and_sentinel_on_control_links_only() -> None:
    for message in FromNode.__args__:
        assert may_say(message, "node", "sentinel", LinkKind.CONTROL)
        assert not may_say(message, "node", "sentinel", LinkKind.BULK)
        assert not may_say(message, "operator", "sentinel", LinkKind.CONTROL)
    for message in FromSentinel.__args__:
        assert may_say(message, "sentinel", "node", LinkKind.CONTROL)
        assert not may_say(message, "node", "node", LinkKind.BULK)
    assert not may_dial("node", "sentinel", LinkKind.BULK)
