"""Stand-ins for keys: a name and a digest."""

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import SENTINEL, NodeName


def sign(payload: bytes) -> bytes:
    """The sentinel's signature."""
    return SENTINEL.encode() + digest_of(payload)


def verify(name: NodeName, payload: bytes, signature: bytes) -> bool:
    """Whether `name` signed this."""
    return signature == name.encode() + digest_of(payload)
