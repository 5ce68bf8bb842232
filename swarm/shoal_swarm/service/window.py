"""A window into a running process: a unix socket in its folder, where whoever may enter the folder can look in.

Whoever connects gets one JSON object and the connection closes; nothing is read, so there is nothing to say. No
key is needed: the folder belongs to one user, and so does the socket.

A unix socket's path has room for some hundred characters, and folders are often deeper. So the folder is opened
first, and the socket is named through the handle.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from shoal_base.errors import PeerRefused, PlaceRefused, Unavailable
from shoal_base.home import OWNER_ONLY

Facts = Mapping[str, Any]
SOCKET_NAME: Final = "window.sock"
ANSWER_BYTES_MAX: Final = 16 << 20
TIMEOUT_S: Final = 5.0
_OWNER_ONLY_UMASK: Final = 0o177


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

    server = await asyncio.start_unix_server(answer, sock=_bound(folder))
    try:
        yield
    finally:
        server.close()
        (folder / SOCKET_NAME).unlink(missing_ok=True)


def look_through(place: Path) -> Facts:
    """What the process behind the window at `place` shows."""
    with _named(place.parent, place.name) as name, socket.socket(socket.AF_UNIX) as line:
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


def _bound(folder: Path) -> socket.socket:
    """A fresh socket in place of whatever a killed process left; nobody but its owner may connect."""
    try:
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        with _named(folder, SOCKET_NAME) as name:
            (folder / SOCKET_NAME).unlink(missing_ok=True)
            bound = socket.socket(socket.AF_UNIX)
            mask = os.umask(_OWNER_ONLY_UMASK)
            try:
                bound.bind(name)
            finally:
                os.umask(mask)
    except OSError as problem:
        raise PlaceRefused(f"{folder} can hold no socket: {problem.strerror}. Choose another folder.") from problem
    return bound


@contextmanager
def _named(folder: Path, name: str) -> Iterator[str]:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise PlaceRefused(f"{folder} cannot be entered: {problem.strerror}.") from problem
    try:
        yield f"/proc/self/fd/{handle}/{name}"
    finally:
        os.close(handle)


def _read_all(line: socket.socket) -> bytes:
    answer = bytearray()
    while part := line.recv(1 << 16):
        answer += part
        if len(answer) > ANSWER_BYTES_MAX:
            raise PeerRefused(f"An answer of more than {ANSWER_BYTES_MAX} bytes is refused.")
    return bytes(answer)
