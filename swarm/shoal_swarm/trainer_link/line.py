"""The trainer's end of the link, for a process that waits for its answers: no event loop, one socket.

    line = Line.reach(folder, patience_s=60)
    line.say(Ready(...))
    begin = line.hear()

A line that breaks is `Unavailable`: reach the peer again, introduce yourself, and go on with what it says.
"""

import socket
import time
from pathlib import Path
from typing import Final, Self

from shoal_base.errors import PlaceRefused, Unavailable
from shoal_base.unix_sockets import named
from shoal_swarm.trainer_link.framing import LENGTH_BYTES, framed, from_peer, length_in
from shoal_swarm.trainer_link.messages import FromPeer, FromTrainer
from shoal_swarm.trainer_link.places import SOCKET_NAME

_PAUSE_S: Final = 0.1


class Line:
    """One connection to the peer."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    @classmethod
    def reach(cls, folder: Path, patience_s: float) -> Self:
        """Connect to the peer whose link is in `folder`, as soon as it listens."""
        deadline = time.monotonic() + patience_s
        while True:
            connected = socket.socket(socket.AF_UNIX)
            try:
                with named(folder, SOCKET_NAME) as name:
                    connected.connect(name)
            except (OSError, PlaceRefused) as problem:
                connected.close()
                if time.monotonic() >= deadline:
                    raise Unavailable(
                        f"No peer listens in {folder} ({problem}). Start it; the trainer can be started again."
                    ) from problem
                time.sleep(_PAUSE_S)
            else:
                return cls(connected)

    def say(self, message: FromTrainer) -> None:
        """Tell the peer something."""
        try:
            self._socket.sendall(framed(message))
        except OSError as problem:
            raise Unavailable(f"The peer is gone ({problem.strerror}). It will be reached again.") from problem

    def hear(self, timeout_s: float | None = None) -> FromPeer | None:
        """What the peer says next; None if it says nothing for so long."""
        self._socket.settimeout(timeout_s)
        try:
            first = self._socket.recv(1)
        except TimeoutError:
            return None
        except OSError as problem:
            raise Unavailable(f"The peer is gone ({problem.strerror}). It will be reached again.") from problem
        finally:
            self._socket.settimeout(None)
        length = length_in(first + self._exactly(LENGTH_BYTES - 1) if first else self._exactly(LENGTH_BYTES))
        return from_peer(self._exactly(length))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            try:
                part = self._socket.recv(size - len(content))
            except OSError as problem:
                raise Unavailable(f"The peer is gone ({problem.strerror}). It will be reached again.") from problem
            if not part:
                raise Unavailable("The peer has hung up. It will be reached again.")
            content += part
        return bytes(content)
