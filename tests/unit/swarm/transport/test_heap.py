"""Guards that chunks find their memory again and need not fetch it from the kernel, page by page."""

import resource
import subprocess
import sys

_CHURN = """
import resource
from shoal_swarm.transport.heap import keep_freed_memory
from shoal_swarm.transport.limits import DEFAULT_LIMITS

{first}
for _ in range(20):
    chunks = [b"x" * (1 << 20) for _ in range(8)]
    del chunks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def _faults(first: str) -> int:
    run = subprocess.run([sys.executable, "-c", _CHURN.format(first=first)], capture_output=True, check=True, text=True)
    return int(run.stdout)


def test_eight_chunks_after_eight_chunks_are_not_fetched_from_the_kernel_again() -> None:
    pages = 8 * (1 << 20) // resource.getpagesize()
    saved = _faults("") - _faults("keep_freed_memory(DEFAULT_LIMITS)")
    assert saved > 10 * pages, "of twenty turns, all but the first find their memory"
