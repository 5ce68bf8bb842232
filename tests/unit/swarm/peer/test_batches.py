"""Small contents that travel together arrive as they were, and a batch that lies is noticed."""

import msgspec
import pytest

from shoal_swarm.peer.batches import BATCH_BYTES, batched, unbatched
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.messages import CHUNK_BYTES
from shoal_swarm.protocol.names import RunId
from shoal_swarm.protocol.round_messages import BATCH_CONTENTS_MAX, BATCHED_BYTES_MAX, Batch

RUN = RunId("demo")


def _contents(count: int, size: int) -> list[tuple[bytes, bytes]]:
    made = [number.to_bytes(4) * (size // 4) for number in range(count)]
    return [(digest_of(one), one) for one in made]


@pytest.mark.parametrize(("count", "size"), [(1, 0), (1, 8), (25, 12_000), (1200, 32), (20, BATCHED_BYTES_MAX)])
def test_contents_arrive_in_order_and_no_batch_is_too_large(count: int, size: int) -> None:
    contents = _contents(count, size)
    batches = list(batched(RUN, contents))  # type: ignore[arg-type]
    assert all(len(batch.digests) <= BATCH_CONTENTS_MAX for batch, _ in batches)
    assert all(len(payload) < BATCH_BYTES + BATCHED_BYTES_MAX <= CHUNK_BYTES for _, payload in batches)
    arrived = [one for batch, payload in batches for one in unbatched(batch, payload) or ()]
    assert [(digest, bytes(content)) for digest, content in arrived] == contents


def test_a_batch_that_is_not_what_it_says_brings_nothing() -> None:
    ((batch, payload),) = batched(RUN, _contents(3, 8))  # type: ignore[arg-type]

    def but(**facts: object) -> Batch:
        return msgspec.structs.replace(batch, **facts)

    assert unbatched(batch, payload) is not None
    assert unbatched(batch, payload[:-1]) is None
    assert unbatched(batch, payload[:-1] + b"!") is None
    assert unbatched(but(sizes=(8, 16)), payload) is None
    assert unbatched(but(sizes=(8, 8, 7)), payload) is None
    assert unbatched(but(digests=batch.digests[::-1]), payload) is None
