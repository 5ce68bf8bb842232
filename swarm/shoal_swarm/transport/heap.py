"""Keeps freed memory for the next chunk, because getting it from the kernel again costs more than hashing it.

glibc returns freed memory to the kernel as soon as about 2 MiB lie free at the end of a heap. Chunks are 1 MiB each,
several at a time: so every one would be returned, and fetched again page by page, 256 faults each at both ends.
Other C libraries have no such call and are left as they are.
"""

import ctypes
from typing import Final

from shoal_swarm.transport.limits import MIB, Limits

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""`mallopt` takes numbers; these are glibc's."""
_MAPPED_BYTES_MIN: Final = 4 * MIB
"""Larger blocks than any chunk go back at once, as before."""


def keep_freed_memory(limits: Limits) -> None:
    """Let each heap of this process keep `heap_kept_bytes` that are free; may be called again."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES_MIN)
        mallopt(_TRIM_THRESHOLD, limits.heap_kept_bytes)
