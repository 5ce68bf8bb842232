"""What a node vouches for with its key: which contribution it made, and which bytes came out of a merge.

The core signs and verifies through two functions that the shell hands in; it never sees a key.
"""

from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from shoal_swarm.protocol.names import Digest, Hash, NodeName, RunId, Value

_TAG = "kind"
EXAMPLES_MAX: Final = 1 << 53
"""Up to here every whole number is a float64 of its own."""


class Manifest(Value, frozen=True, tag=True, tag_field=_TAG):
    """The claim: in this round I contribute the pieces under this root, trained from that COMMIT."""

    run: RunId
    node: NodeName
    round: int
    root: Hash
    base: int
    """The round whose COMMIT the work was trained from: always the one before."""
    base_chain: Digest
    """That COMMIT's chain, so that a forked past shows."""
    examples: Annotated[int, msgspec.Meta(ge=0, le=EXAMPLES_MAX)]
    folds: tuple[Hash, ...] = ()
    """Earlier contributions of this node, never committed, whose work is inside this one."""


class Result(Value, frozen=True, tag=True, tag_field=_TAG):
    """The claim: merging my share of this cut gave the pieces under this root."""

    run: RunId
    node: NodeName
    round: int
    attempt: int
    first: int
    count: int
    root: Hash
    pieces: tuple[Hash, ...] = ()
    """Hash of every piece; empty where the run's list is long and travels under its root."""


class SignedManifest(Value, frozen=True):
    """A manifest with its maker's signature."""

    manifest: Manifest
    signature: bytes


class SignedResult(Value, frozen=True):
    """A result with its owner's signature."""

    result: Result
    signature: bytes


Sign = Callable[[bytes], bytes]
"""The node's own signature over bytes."""
Verify = Callable[[NodeName, bytes, bytes], bool]
"""Whether this signature over these bytes is that member's."""

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


def sign_bytes(value: Manifest | Result) -> bytes:
    """Exactly what is signed: the kind is inside, so a manifest can never pass for a result."""
    return _ENCODER.encode(value)


def sign_manifest(manifest: Manifest, sign: Sign) -> SignedManifest:
    """A manifest vouched for."""
    return SignedManifest(manifest=manifest, signature=sign(sign_bytes(manifest)))


def sign_result(result: Result, sign: Sign) -> SignedResult:
    """A result vouched for."""
    return SignedResult(result=result, signature=sign(sign_bytes(result)))


def is_signed(signed: SignedManifest | SignedResult, verify: Verify) -> bool:
    """Whether the node named inside made this signature."""
    value = signed.manifest if isinstance(signed, SignedManifest) else signed.result
    return verify(value.node, sign_bytes(value), signed.signature)
