"""What a service asks of the C library's allocator."""

import ctypes
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of glibc's mallopt(3)."""
KEPT_BYTES: Final = 256 << 20
LARGEST_KEPT_BYTES: Final = 32 << 20


def keep_freed_memory() -> None:
    """Keep memory that was freed instead of giving it back at once.

    A peer's rounds take and free the same buffers of some 100 KiB thousands of times. Each of them would be mapped
    anew, page by page, which took a tenth of the time of decoding and merging.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # not every C library has it, and nothing depends on it
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
