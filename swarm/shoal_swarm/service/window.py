"""A window into a running process: a unix socket in its folder, where whoever may enter the folder can look in.

Whoever connects gets one JSON object and the connection closes; nothing is read, so there is nothing to say. No
key is needed: the folder belongs to one user, and so does the socket.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from shoal_base.errors import PeerRefused, Unavailable
from shoal_base.unix_sockets import bound, named

Facts = Mapping[str, Any]
SOCKET_NAME: Final = "window.sock"
ANSWER_BYTES_MAX: Final = 16 << 20
TIMEOUT_S: Final = 5.0


@asynccontextmanager
async def window(folder: Path, look: Callable[[], Facts]) -> AsyncIterator[None]:
    """Show `look()` to whoever connects, for the length of the block."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                writer.write(json.dumps(look()).encode())
                await writer.drain()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone
        finally:
            writer.close()

    server = await asyncio.start_unix_server(answer, sock=bound(folder, SOCKET_NAME))
    try:
        yield
    finally:
        server.close()
        (folder / SOCKET_NAME).unlink(missing_ok=True)


def look_through(place: Path) -> Facts:
    """What the process behind the window at `place` shows."""
    with named(place.parent, place.name) as name, socket.socket(socket.AF_UNIX) as line:
        line.settimeout(TIMEOUT_S)
        try:
            line.connect(name)
            answer = _read_all(line)
        except (OSError, TimeoutError) as problem:
            raise Unavailable(f"{place}: nobody answers there ({problem}). Is the process running?") from problem
    try:
        facts = json.loads(answer)
    except ValueError as problem:
        raise PeerRefused(f"{place}: what answered there is no window of ours: {problem}.") from problem
    if not isinstance(facts, dict):
        raise PeerRefused(f"{place}: what answered there is no window of ours.")
    return facts


def windows_below(folder: Path) -> list[Path]:
    """Every window in a folder and the folders below it, of processes that run or have been killed."""
    return sorted(folder.rglob(SOCKET_NAME))


def _read_all(line: socket.socket) -> bytes:
    answer = bytearray()
    while part := line.recv(1 << 16):
        answer += part
        if len(answer) > ANSWER_BYTES_MAX:
            raise PeerRefused(f"An answer of more than {ANSWER_BYTES_MAX} bytes is refused.")
    return bytes(answer)
