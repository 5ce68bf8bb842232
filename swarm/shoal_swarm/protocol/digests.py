"""The one digest, and the root of an ordered list of digests."""

from collections.abc import Iterable, Sequence

from blake3 import blake3

from shoal_swarm.protocol.names import Digest

DIGEST_BYTES = 32


def digest_of(content: bytes | memoryview) -> Digest:
    """What names these bytes everywhere."""
    return Digest(blake3(content).digest())


def list_bytes(digests: Iterable[Digest]) -> bytes:
    """A list of digests as the blob that travels between nodes."""
    return b"".join(digests)


def list_root(digests: Iterable[Digest]) -> Digest:
    """The name of an ordered list: the digest of its blob, so a list is fetched like anything else."""
    return digest_of(list_bytes(digests))


def digests_in(blob: bytes) -> Sequence[Digest]:
    """The list that a blob spells; a ragged end stays in, so its root cannot match by accident."""
    return tuple(Digest(blob[start : start + DIGEST_BYTES]) for start in range(0, len(blob), DIGEST_BYTES))
