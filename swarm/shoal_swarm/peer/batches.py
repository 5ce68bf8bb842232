"""Small contents travel together: one message and one hand-over to a thread instead of several for each. Pure.

    Batch(digests, sizes)   and the contents, one right after the other, as its payload

An adapter has dozens of pieces of a few kilobytes. Announced one by one, each costs two messages and half a
dozen wake-ups, which takes far longer than its bytes.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import Digest, RunId
from shoal_swarm.protocol.round_messages import BATCH_CONTENTS_MAX, BATCHED_BYTES_MAX, Batch
from shoal_swarm.transport.contract import Buffer

Content = tuple[Digest, bytes]
BATCH_BYTES: Final = 512 << 10
"""A batch is sent when it has so much; with the last content it still is far below a chunk."""


def batched(run: RunId, contents: Sequence[Content]) -> Iterator[tuple[Batch, bytes]]:
    """Batches with their payloads, for contents none of which is too large for one."""
    waiting: list[Content] = []
    for digest, content in contents:
        assert len(content) <= BATCHED_BYTES_MAX, "whoever batches leaves out what is large"
        waiting.append((digest, content))
        if len(waiting) == BATCH_CONTENTS_MAX or sum(len(one) for _, one in waiting) >= BATCH_BYTES:
            yield _batch(run, waiting)
            waiting = []
    if waiting:
        yield _batch(run, waiting)


def unbatched(batch: Batch, payload: Buffer) -> list[tuple[Digest, memoryview]] | None:
    """The contents of a batch, each as its digest says; None if it is not what it says."""
    if len(batch.sizes) != len(batch.digests) or sum(batch.sizes) != len(payload):
        return None
    ends = [0]
    for size in batch.sizes:
        ends.append(ends[-1] + size)
    view = memoryview(payload)
    contents = [
        (Digest(digest), view[start:end]) for digest, (start, end) in zip(batch.digests, pairwise(ends), strict=True)
    ]
    return contents if all(digest_of(content) == digest for digest, content in contents) else None


def _batch(run: RunId, contents: Sequence[Content]) -> tuple[Batch, bytes]:
    digests = tuple(digest for digest, _ in contents)
    batch = Batch(run=run, digests=digests, sizes=tuple(len(content) for _, content in contents))
    return batch, b"".join(content for _, content in contents)
