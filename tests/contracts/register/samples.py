"""Small values to put into registers."""

from blake3 import blake3

from shoal_swarm.register import Entry

CONFIG_HASH = blake3(b"configuration").digest()


def nonce(number: int) -> bytes:
    """The nonce of a boot."""
    return number.to_bytes(16, "big")


def entry(position: int, body: bytes | None = None) -> Entry:
    """An entry with a digest that belongs to its body."""
    body = b"entry %d" % position if body is None else body
    return Entry(position=position, digest=blake3(body).digest(), body=body)


def entries(first: int, count: int) -> list[Entry]:
    """Entries one after the other."""
    return [entry(position) for position in range(first, first + count)]
