"""Blobs, books and ledger entries that tests tell apart by a number."""

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.folding import Books, Kept
from shoal_swarm.protocol.ledger import LedgerEntry, entry_hash
from shoal_swarm.protocol.names import NO_DIGEST, Digest


def some_bytes(number: int) -> bytes:
    """The bytes of blob `number`, of very different sizes."""
    return digest_of(str(number).encode()) * (1 + number * 37 % 200)


def digest(number: int) -> Digest:
    """The name of blob `number`."""
    return digest_of(some_bytes(number))


def books(number: int) -> Books:
    """Page `number`."""
    kept = Kept(round=number, root=digest(number), pieces=(digest(number + 1),), examples=number)
    return Books(applied=number, chain=digest(number), frozen=kept, carried=(kept,) * (number % 3))


def entries(count: int, *, first: int = 0, flavour: bytes = b"") -> tuple[LedgerEntry, ...]:
    """A stretch of a chained ledger."""
    chained: list[LedgerEntry] = []
    previous = NO_DIGEST
    for index in range(first + count):
        body = flavour + b"decision %d" % index
        seal = entry_hash(index, previous, body)
        chained.append(LedgerEntry(index=index, previous=previous, body=body, hash=seal, signature=seal[::-1]))
        previous = seal
    return tuple(chained[first:])
