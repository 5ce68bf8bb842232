"""What verified bulk transfer costs beside TLS at the very least: each part alone, in one thread, nothing waiting.

Bytes come from a file, pass a local socket at either end (libzmq stands on one side of it, the pump on the other),
are hashed once on arrival, and are written to a file. Python, libzmq's framing, threads and page faults are left out.
"""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from blake3 import blake3

MIB = 1 << 20
_CHUNKS = 64
_RELAY_BYTES = 256 * 1024
HOPS = 2


def floor_s_per_gb(folder: Path, passes: int) -> dict[str, float]:
    """CPU seconds per GB of each part."""
    chunks = [os.urandom(MIB) for _ in range(_CHUNKS)]
    source, target = folder / "floor-source", folder / "floor-target"
    source.write_bytes(b"".join(chunks))
    parts: dict[str, Callable[[], None]] = {
        "read the file": lambda: _read(source),
        f"{HOPS} local sockets": lambda: _pass_on(chunks),
        "hash": lambda: _hash(chunks),
        "write the file": lambda: _write(target, chunks),
    }
    took: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(passes):
        for name, part in parts.items():
            begin = time.process_time()
            part()
            took[name].append(time.process_time() - begin)
            target.unlink(missing_ok=True)
    source.unlink()
    return {name: median(times) / (_CHUNKS * MIB / 1e9) for name, times in took.items()}


def _read(path: Path) -> None:
    buffer = bytearray(MIB)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _pass_on(chunks: list[bytes]) -> None:
    buffer = bytearray(_RELAY_BYTES)
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with here, there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _RELAY_BYTES)
        here.setblocking(False)
        for chunk in chunks * HOPS:
            left = memoryview(chunk)
            while left:
                sent = here.send(left[:_RELAY_BYTES])
                left = left[sent:]
                while sent:
                    sent -= there.recv_into(buffer)


def _hash(chunks: list[bytes]) -> None:
    whole = blake3()
    for chunk in chunks:
        whole.update(chunk)


def _write(path: Path, chunks: list[bytes]) -> None:
    with path.open("wb", buffering=0) as file:
        for chunk in chunks:
            file.write(chunk)
