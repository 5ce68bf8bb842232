"""What one node says about rounds can't make another party count, allocate or look for what does not exist."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from shoal_swarm.protocol.messages import MessageRefused, decode

HASH = bytes(32)
FIT = {
    "adapter_shape": HASH,
    "base_model": HASH,
    "tokenizer": HASH,
    "labels": HASH,
    "pieces": [[3, 1000, 10]],
}
JOIN = {
    "kind": "join",
    "run": "demo",
    "boot_nonce": "0f" * 16,
    "config_hash": HASH,
    "fit": FIT,
    "address": "127.0.0.1:30306",
}
WANT = {"kind": "want", "run": "demo", "digests": [HASH]}


def _decoded(words: Mapping[str, Any]) -> object:
    return decode(msgspec.msgpack.encode(words), bytes_max=64 << 10)


@pytest.mark.parametrize("words", [JOIN, WANT], ids=["join", "want"])
def test_what_an_honest_node_says_is_taken(words: Mapping[str, Any]) -> None:
    assert type(_decoded(words)).__name__.lower() == words["kind"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(JOIN | {"fit": FIT | {"pieces": [[1 << 21, 1000, 10]]}}, id="more pieces than there may be"),
        pytest.param(JOIN | {"fit": FIT | {"pieces": [[1 << 19, 1, 1]] * 3}}, id="more pieces in several runs"),
        pytest.param(JOIN | {"fit": FIT | {"pieces": [[-1, 1000, 10]]}}, id="fewer pieces than none"),
        pytest.param(JOIN | {"fit": FIT | {"pieces": [[3, 0, 10]]}}, id="pieces of nothing"),
        pytest.param(JOIN | {"boot_nonce": "x" * 100}, id="a long nonce"),
        pytest.param(JOIN | {"address": "x" * 300}, id="a long address"),
        pytest.param(JOIN | {"config_hash": b""}, id="an empty hash"),
        pytest.param(WANT | {"digests": [b""]}, id="a digest of nothing"),
        pytest.param(WANT | {"digests": [HASH + b"x"]}, id="a digest that is too long"),
        pytest.param(WANT | {"digests": [HASH] * 1025}, id="too many digests"),
    ],
)
def test_what_would_hurt_is_not_decoded(words: Mapping[str, Any]) -> None:
    with pytest.raises(MessageRefused):
        _decoded(words)
