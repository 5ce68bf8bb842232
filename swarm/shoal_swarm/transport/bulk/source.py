"""Where a content's bytes come from: memory or a file, described once, read chunk by chunk."""

import os
from pathlib import Path
from typing import Protocol

from shoal_base.errors import PlaceRefused
from shoal_swarm.protocol.messages import CHUNK_BYTES, TRANSFER_BYTES_MAX
from shoal_swarm.transport.bulk.tree import Description, chunk_length, chunks_in, describe
from shoal_swarm.transport.reasons import Reason, TransferRefused


class Source(Protocol):
    """A content that can be sent."""

    @property
    def description(self) -> Description:
        """Name, size and hashes."""

    def read(self, index: int) -> bytes | memoryview:
        """One chunk; may block on a disk."""


class BytesSource:
    """A content in memory."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self.description = describe(map(self.read, range(chunks_in(len(data)))), len(data))

    def read(self, index: int) -> memoryview:
        """One chunk."""
        return self._data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]


class FileSource:
    """A content in a file, which must not change while it is sent. Describing it reads it once, from end to end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as problem:
            raise PlaceRefused(f"{path} cannot be read: {problem.strerror}.") from problem
        size = os.fstat(self._file).st_size
        if size > TRANSFER_BYTES_MAX:
            raise PlaceRefused(f"{path} has {size} bytes; a transfer has at most {TRANSFER_BYTES_MAX}. Split the file.")
        self.description = describe((self._read(index, size) for index in range(chunks_in(size))), size)

    def read(self, index: int) -> bytes:
        """One chunk, as it was when the file was described, or `TransferRefused`."""
        return self._read(index, self.description.size)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def _read(self, index: int, size: int) -> bytes:
        chunk = os.pread(self._file, CHUNK_BYTES, index * CHUNK_BYTES)
        if len(chunk) != chunk_length(size, index):
            raise TransferRefused(Reason.GONE, str(self._path), "the file changed while it was read")
        return chunk
