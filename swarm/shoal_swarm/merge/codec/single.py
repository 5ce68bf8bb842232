"""`fp32`: the values as they are."""

import numpy as np
import numpy.typing as npt

from shoal_swarm.merge.codec.reach import check_reach
from shoal_swarm.merge.limits import largest


def encoded_bytes(count: int) -> int:
    """Four for each value."""
    return 4 * count


def encode(values: npt.NDArray[np.float32]) -> bytes:
    """The bytes of the values."""
    check_reach(largest(values))
    return values.astype("<f4", copy=False).tobytes()


def reach(data: bytes | memoryview) -> float:
    """The largest of the values of the bytes."""
    found = largest(np.frombuffer(data, dtype="<f4"))
    check_reach(found)
    return found


def decode(data: bytes | memoryview) -> npt.NDArray[np.float32]:
    """The values of the bytes, in memory of their own."""
    values = np.frombuffer(data, dtype="<f4").astype(np.float32)
    check_reach(largest(values))
    return values
