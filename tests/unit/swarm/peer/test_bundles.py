"""Small contents that travel together arrive as they were, and a bundle that lies is noticed."""

import msgspec
import pytest

from shoal_swarm.peer.bundles import BUNDLE_BYTES, bundled, unbundled
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.messages import CHUNK_BYTES
from shoal_swarm.protocol.names import RunId
from shoal_swarm.protocol.round_messages import BUNDLE_CONTENTS_MAX, BUNDLED_BYTES_MAX, Bundle

RUN = RunId("demo")


def _contents(count: int, size: int) -> list[tuple[bytes, bytes]]:
    made = [number.to_bytes(4) * (size // 4) for number in range(count)]
    return [(digest_of(one), one) for one in made]


@pytest.mark.parametrize(("count", "size"), [(1, 0), (1, 8), (25, 12_000), (1200, 32), (20, BUNDLED_BYTES_MAX)])
def test_contents_arrive_in_order_and_no_bundle_is_too_large(count: int, size: int) -> None:
    contents = _contents(count, size)
    bundles = list(bundled(RUN, contents))  # type: ignore[arg-type]
    assert all(len(bundle.digests) <= BUNDLE_CONTENTS_MAX for bundle, _ in bundles)
    assert all(len(payload) < BUNDLE_BYTES + BUNDLED_BYTES_MAX <= CHUNK_BYTES for _, payload in bundles)
    arrived = [one for bundle, payload in bundles for one in unbundled(bundle, payload) or ()]
    assert [(digest, bytes(content)) for digest, content in arrived] == contents


def test_a_bundle_that_is_not_what_it_says_brings_nothing() -> None:
    ((bundle, payload),) = bundled(RUN, _contents(3, 8))  # type: ignore[arg-type]

    def but(**facts: object) -> Bundle:
        return msgspec.structs.replace(bundle, **facts)

    assert unbundled(bundle, payload) is not None
    assert unbundled(bundle, payload[:-1]) is None
    assert unbundled(bundle, payload[:-1] + b"!") is None
    assert unbundled(but(sizes=(8, 16)), payload) is None
    assert unbundled(but(sizes=(8, 8, 7)), payload) is None
    assert unbundled(but(digests=bundle.digests[::-1]), payload) is None
