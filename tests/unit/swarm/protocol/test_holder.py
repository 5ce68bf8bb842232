"""Promise: what a node says it holds stays on its disk while the attempt is under way, however it came to be there."""

import msgspec
import pytest

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.digests import digest_of, list_root
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.peer.holder import Holder
from shoal_swarm.protocol.peer.knowledge import Identity, Knowledge
from shoal_swarm.protocol.peer.link import Link
from shoal_swarm.protocol.record import Phase, Record
from shoal_swarm.protocol.round_messages import Held, Published
from shoal_swarm.protocol.signed import Result, sign_result
from tests.unit.swarm.protocol.keys import sign, verify
from tests.unit.swarm.protocol.swarm import CONFIG, FIT, RULES, RUN

PIECES = (digest_of(b"one"), digest_of(b"two"))
ROOT = list_root(PIECES)
ANA, BEN = NodeName("ana"), NodeName("ben")


@pytest.fixture
def holder() -> Holder:
    """A node whose disk has a result from before its start, in the cut of round one."""
    identity = Identity(node=ANA, boot_nonce="boot", address="ana:1", fit=FIT, sign=sign, verify=verify)
    record = Record(run=RUN, config_hash=CONFIG, version=5, head=digest_of(b"head"), phase=Phase.CUT, round=1)
    kept = {ROOT, *PIECES}
    knowledge = Knowledge(identity, RULES, Timing.lan(), Books(), record=record, kept=kept)
    return Holder(knowledge, Link(knowledge, heard_at=0.0, incarnation=1))


def held(holder: Holder, attempt: int) -> list[str]:
    """What the node says once it has heard of the result in this attempt."""
    result = Result(run=RUN, node=BEN, round=1, attempt=attempt, first=0, count=2, root=ROOT, pieces=PIECES)
    holder.published(Published(run=RUN, round=1, attempt=attempt, results=(sign_result(result, sign),)))
    sent = [effect.message for effect in holder.say() if isinstance(effect, do.Send)]
    return [type(message).__name__ for message in sent if isinstance(message, Held)]


def test_what_was_here_before_the_start_is_not_dropped_once_it_is_said_to_be_held(holder: Holder) -> None:
    assert held(holder, 0) == ["Held"]
    assert {ROOT, *PIECES} <= holder.knowledge.blobs_needed()


def test_what_was_fetched_for_an_earlier_attempt_is_not_dropped_in_the_next(holder: Holder) -> None:
    assert held(holder, 0) == ["Held"]
    assert holder.knowledge.record is not None
    holder.knowledge.record = msgspec.structs.replace(holder.knowledge.record, attempt=1)
    assert not {ROOT, *PIECES} & holder.knowledge.blobs_needed()
    assert held(holder, 1) == ["Held"]
    assert {ROOT, *PIECES} <= holder.knowledge.blobs_needed()
