"""Where bytes lie that nobody has asked to keep: what came from others, what was merged, what the trainer offers.

Nothing here has to survive a crash: a new start begins with an empty spool, because all of it can be fetched or made
again. So contents lie in memory up to a bound, for a round of a small adapter moves hundreds of pieces of a few
kilobytes, and as files each of them costs more than its bytes. What goes beyond the bound, and what the transport
takes in chunk by chunk, lies in files: one for each content, named by its digest, as the transport's store has them.

Deleting a file takes a disk a millisecond or more where freed blocks are discarded at once. So files that nobody
needs are moved aside, which costs next to nothing, and deleted when there is time (`tidy`).
"""

import itertools
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from shoal_base.errors import PlaceRefused
from shoal_base.home import OWNER_ONLY
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import Digest
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.reasons import TransferRefused

MEMORY_BYTES_MAX: Final = 128 << 20
"""So much lies in memory; whatever comes beyond it lies in files."""
_HEX_CHARS = 64


class Spool:
    """Contents by digest; its methods may block on the disk, and be called from several threads."""

    def __init__(self, folder: Path, reserve_bytes: int, memory_bytes_max: int = MEMORY_BYTES_MAX) -> None:
        self.arrivals = Store(folder, reserve_bytes, durable=False)
        """Where the bulk links put what comes in chunks."""
        self._folder = folder
        self._aside = folder / "aside"
        self._aside.mkdir(mode=OWNER_ONLY, exist_ok=True)
        self._numbers = itertools.count()
        self._old: frozenset[Path] = frozenset()
        self._memory: dict[Digest, bytes] = {}
        self._old_in_memory: frozenset[Digest] = frozenset()
        self._room_bytes = memory_bytes_max
        self._lock = threading.Lock()
        self.turn()
        self.turn()

    def put(self, content: bytes) -> Digest:
        """Lay bytes down under their digest, whole or not at all."""
        digest = digest_of(content)
        try:
            self.lay(digest, content)
        except TransferRefused as problem:
            raise PlaceRefused(f"{self._folder} takes no more: {problem} Free some space.") from problem
        return digest

    def lay(self, digest: Digest, content: bytes | memoryview) -> None:
        """Lay down bytes that were compared with their digest; raises `TransferRefused` where they find no room."""
        with self._lock:
            if digest in self._memory:
                return
            if len(content) <= self._room_bytes:
                self._memory[digest] = bytes(content)
                self._room_bytes -= len(content)
                return
        self.arrivals.put(digest, content)

    def has(self, digest: Digest) -> bool:
        """Whether a content is here."""
        return digest in self._memory or self.arrivals.has(digest)

    def read(self, digest: Digest) -> bytes | None:
        """Bytes that still are what their name says."""
        content = self._memory.get(digest)
        if content is not None:
            return content
        try:
            content = self.arrivals.path(digest).read_bytes()
        except OSError:
            return None
        return content if digest_of(content) == digest else None

    def drop(self, digests: Iterable[Digest]) -> None:
        """Nobody needs these any more."""
        self._put_aside(self.arrivals.path(digest) for digest in self._forget(digests))

    def turn(self) -> None:
        """A round is over: throw away what was whole when the round before it was over.

        What came since then may be wanted in the round that begins; what is still arriving stays in any case.
        """
        self._forget(self._old_in_memory)
        self._put_aside(self._old)
        self._old_in_memory = frozenset(self._memory)
        self._old = frozenset(path for path in self._folder.iterdir() if len(path.name) == _HEX_CHARS)

    def tidy(self, files_max: int) -> bool:
        """Delete some of what was put aside; whether there may be more."""
        for path in itertools.islice(self._aside.iterdir(), files_max):
            path.unlink()
            files_max -= 1
        return not files_max

    def _forget(self, digests: Iterable[Digest]) -> list[Digest]:
        """Let go of what lies in memory; what does not is returned."""
        elsewhere: list[Digest] = []
        with self._lock:
            for digest in digests:
                content = self._memory.pop(digest, None)
                if content is None:
                    elsewhere.append(digest)
                else:
                    self._room_bytes += len(content)
        return elsewhere

    def _put_aside(self, paths: Iterable[Path]) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                path.replace(self._aside / str(next(self._numbers)))
