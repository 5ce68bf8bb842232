"""Where bytes lie that nobody has asked to keep: what came from others, what was merged, what the trainer offers.

One file for each content, named by its digest, as the transport's store writes them. Nothing here has to survive
a crash: a new start begins with an empty spool, because all of it can be fetched or made again.
"""

from collections.abc import Iterable
from pathlib import Path

from shoal_base.errors import PlaceRefused
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import Digest
from shoal_swarm.transport.bulk.store import Store

_HEX_CHARS = 64


class Spool:
    """A folder of contents; its methods block on the disk."""

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        self.arrivals = Store(folder, reserve_bytes, durable=False)
        """Where the bulk links put what comes."""
        self._folder = folder
        self._old: frozenset[Path] = frozenset()
        self.turn()
        self.turn()

    def put(self, content: bytes) -> Digest:
        """Lay bytes down under their digest, whole or not at all."""
        digest = digest_of(content)
        path = self._folder / digest.hex()
        fresh = path.with_suffix(".made")
        try:
            fresh.write_bytes(content)
            fresh.rename(path)
        except OSError as problem:
            raise PlaceRefused(f"{path} cannot be written: {problem.strerror}. Free some space.") from problem
        return digest

    def read(self, digest: Digest) -> bytes | None:
        """Bytes that still are what their name says."""
        try:
            content = (self._folder / digest.hex()).read_bytes()
        except OSError:
            return None
        return content if digest_of(content) == digest else None

    def drop(self, digests: Iterable[Digest]) -> None:
        """Nobody needs these any more."""
        for digest in digests:
            (self._folder / digest.hex()).unlink(missing_ok=True)

    def turn(self) -> None:
        """A round is over: throw away what was whole when the round before it was over.

        What came since then may be wanted in the round that begins; what is still arriving stays in any case.
        """
        for path in self._old:
            path.unlink(missing_ok=True)
        whole = (path for path in self._folder.iterdir() if len(path.name) == _HEX_CHARS or path.suffix == ".made")
        self._old = frozenset(whole)
