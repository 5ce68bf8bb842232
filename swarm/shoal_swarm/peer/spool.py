"""Where bytes lie that nobody has asked to keep: what came from others, what was merged, what the trainer offers.

One file for each content, named by its digest, as the transport's store writes them. Nothing here has to survive
a crash: a new start begins with an empty spool, because all of it can be fetched or made again.

Deleting a file takes a disk a millisecond or more where freed blocks are discarded at once, and a round leaves
dozens. So what nobody needs is moved aside, which costs next to nothing, and deleted when there is time (`tidy`).
"""

import itertools
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from shoal_base.errors import PlaceRefused
from shoal_base.home import OWNER_ONLY
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
        self._aside = folder / "aside"
        self._aside.mkdir(mode=OWNER_ONLY, exist_ok=True)
        self._numbers = itertools.count()
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
        self._put_aside(self._folder / digest.hex() for digest in digests)

    def turn(self) -> None:
        """A round is over: throw away what was whole when the round before it was over.

        What came since then may be wanted in the round that begins; what is still arriving stays in any case.
        """
        self._put_aside(self._old)
        whole = (path for path in self._folder.iterdir() if len(path.name) == _HEX_CHARS or path.suffix == ".made")
        self._old = frozenset(whole)

    def tidy(self, files_max: int) -> bool:
        """Delete some of what was put aside; whether there may be more."""
        for path in itertools.islice(self._aside.iterdir(), files_max):
            path.unlink()
            files_max -= 1
        return not files_max

    def _put_aside(self, paths: Iterable[Path]) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                path.replace(self._aside / str(next(self._numbers)))
