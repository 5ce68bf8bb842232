"""Where a peer's bytes lie, and the threads that touch them."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from shoal_swarm.peer.batches import BATCH_BYTES
from shoal_swarm.peer.contributing import BytesMissing
from shoal_swarm.peer.spool import Spool
from shoal_swarm.peer.storage import Storage
from shoal_swarm.protocol.names import Digest


@dataclass(frozen=True, slots=True)
class Places:
    """What lasts, what does not, and the threads for writing, merging and contributing."""

    storage: Storage[bytes]
    spool: Spool
    disk: Executor
    """One thread: writes happen in the order of the effects."""
    work: Executor
    """One thread: making contributions."""
    merging: Executor
    """A few threads: pieces are merged each for itself."""

    def read(self, digest: Digest) -> bytes:
        """Bytes from the spool or from the storage, whichever has them."""
        content = self.spool.read(digest) or self.storage.read(digest)
        if content is None:
            raise BytesMissing(digest)
        return content

    def read_durable(self, digests: Sequence[Digest]) -> list[bytes | None]:
        """The first few of these from the storage, as many as others are sent together."""
        found: list[bytes | None] = []
        size = 0
        for digest in digests:
            content = self.storage.read(digest)
            found.append(content)
            size += len(content or b"")
            if size >= BATCH_BYTES:
                break
        return found
