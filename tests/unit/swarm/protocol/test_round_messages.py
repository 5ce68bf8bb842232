"""Promise: every message about rounds survives the wire, has a kind of its own, and nothing unknown gets in."""

from typing import Any

import msgspec
import pytest

from shoal_swarm.protocol.base import Message
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.pieces import Share
from shoal_swarm.protocol.round_messages import (
    ROUND_MESSAGES,
    Announced,
    Batch,
    Contribution,
    Goodbye,
    Have,
    Held,
    Join,
    JoinAgain,
    Joined,
    Lacking,
    Lease,
    LedgerPart,
    Merged,
    Published,
    Refused,
    Renewed,
    RoundMessage,
    TurnedDown,
    Want,
)
from shoal_swarm.protocol.signed import Result, sign_result
from tests.unit.swarm.protocol.keys import sign
from tests.unit.swarm.protocol.swarm import CONFIG, FIT, RUN, desk, joined
from tests.unit.swarm.protocol.test_sentinel_run import signed

ROOT = digest_of(b"root")
MANIFEST = signed("ana", b"work")
RESULT = sign_result(
    Result(run=RUN, node=NodeName("ana"), round=1, attempt=0, first=0, count=1, root=ROOT, pieces=(ROOT,)), sign
)
REFUSED = ((NodeName("ben"), ROOT, "No number."),)
MESSAGES: list[Message] = [
    Join(run=RUN, boot_nonce="n", config_hash=CONFIG, fit=FIT, address="a:1"),
    Lease(run=RUN, incarnation=1, version=9, applied=-1, ready=True, address="a:1"),
    Contribution(run=RUN, incarnation=1, signed=MANIFEST),
    Have(
        run=RUN, incarnation=1, round=1, attempt=0, complete=((NodeName("ana"), ROOT),), gram=((1.0,),), refused=REFUSED
    ),
    Merged(run=RUN, incarnation=1, signed=RESULT),
    Held(run=RUN, incarnation=1, round=1, attempt=0, held=((NodeName("ana"), ROOT),)),
    Goodbye(run=RUN, incarnation=1),
    Joined(run=RUN, boot_nonce="n", incarnation=1),
    Refused(run=RUN, boot_nonce="n", reasons=("No.",)),
    JoinAgain(run=RUN, incarnation=1),
    Renewed(run=RUN, incarnation=1, version=9),
    LedgerPart(run=RUN, entries=()),
    Announced(run=RUN, round=1, attempt=0, manifests=(MANIFEST,)),
    TurnedDown(run=RUN, round=1, root=ROOT, owner=NodeName("ana"), reason="No number."),
    Published(run=RUN, round=1, attempt=0, results=(RESULT,)),
    Want(run=RUN, digests=(ROOT,)),
    Lacking(run=RUN, digests=(ROOT,)),
    Batch(run=RUN, digests=(ROOT,), sizes=(9,)),
]
DECODER: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(RoundMessage)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_wire(message: Message) -> None:
    assert DECODER.decode(msgspec.msgpack.encode(message)) == message


def test_all_are_listed_for_the_wire() -> None:
    assert {type(message) for message in MESSAGES} == set(ROUND_MESSAGES)


def test_no_kind_is_taken_twice() -> None:
    kinds = [one.__struct_config__.tag for one in ROUND_MESSAGES]
    assert len(kinds) == len(set(kinds))


def test_an_unknown_field_is_refused() -> None:
    spelled = msgspec.msgpack.decode(msgspec.msgpack.encode(MESSAGES[6]))
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        DECODER.decode(msgspec.msgpack.encode({**spelled, "code": "run me"}))


def test_a_ledger_travels_as_it_was_sealed() -> None:
    place = desk()
    joined(place, ["ana"])
    part = LedgerPart(run=RUN, entries=tuple(place.ledger))
    assert DECODER.decode(msgspec.msgpack.encode(part)) == part


def test_a_share_is_a_short_list() -> None:
    assert msgspec.json.encode(Share(owner=NodeName("ana"), first=0, count=2)) == b'["ana",0,2]'
