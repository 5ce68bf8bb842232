"""Small contents travel together: one message and one hand-over to a thread instead of several for each. Pure.

    Bundle(digests, sizes)   and the contents, one right after the other, as its payload

An adapter has dozens of pieces of a few kilobytes. Announced one by one, each costs two messages and half a
dozen wake-ups, which takes far longer than its bytes.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import Digest, RunId
from shoal_swarm.protocol.round_messages import BUNDLE_CONTENTS_MAX, BUNDLED_BYTES_MAX, Bundle
from shoal_swarm.transport.contract import Buffer

Content = tuple[Digest, bytes]
BUNDLE_BYTES: Final = 512 << 10
"""A bundle is sent when it has so much; with the last content it still is far below a chunk."""


def bundled(run: RunId, contents: Sequence[Content]) -> Iterator[tuple[Bundle, bytes]]:
    """Bundles with their payloads, for contents none of which is too large for one."""
    waiting: list[Content] = []
    for digest, content in contents:
        assert len(content) <= BUNDLED_BYTES_MAX, "whoever bundles leaves out what is large"
        waiting.append((digest, content))
        if len(waiting) == BUNDLE_CONTENTS_MAX or sum(len(one) for _, one in waiting) >= BUNDLE_BYTES:
            yield _bundle(run, waiting)
            waiting = []
    if waiting:
        yield _bundle(run, waiting)


def unbundled(bundle: Bundle, payload: Buffer) -> list[tuple[Digest, memoryview]] | None:
    """The contents of a bundle, each as its digest says; None if it is not what it says."""
    if len(bundle.sizes) != len(bundle.digests) or sum(bundle.sizes) != len(payload):
        return None
    ends = [0]
    for size in bundle.sizes:
        ends.append(ends[-1] + size)
    view = memoryview(payload)
    contents = [
        (Digest(digest), view[start:end]) for digest, (start, end) in zip(bundle.digests, pairwise(ends), strict=True)
    ]
    return contents if all(digest_of(content) == digest for digest, content in contents) else None


def _bundle(run: RunId, contents: Sequence[Content]) -> tuple[Bundle, bytes]:
    digests = tuple(digest for digest, _ in contents)
    bundle = Bundle(run=run, digests=digests, sizes=tuple(len(content) for _, content in contents))
    return bundle, b"".join(content for _, content in contents)
