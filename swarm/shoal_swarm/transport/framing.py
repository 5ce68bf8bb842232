"""ZMTP 3 as seen by somebody who only counts: greeting, frame headers, lengths; never what frames hold.

libzmq speaks the protocol. But it takes a message of any number of parts into memory before anybody can
object, and when it closes a connection it does not say why. So the pump looks at the headers of what a peer
sends before libzmq gets it, and ends a link for a reason that has a name.

    greeting   ff 00000000 00000000 7f   version (2 bytes)   mechanism (20)   as-server   filler (31)
    frame      flags (1: more, 2: long, 4: command)   length (1 or 8 bytes)   body
"""

from typing import Final

from shoal_swarm.transport.reasons import LinkRefused, Reason

GREETING_BYTES: Final = 64
_MECHANISM: Final = b"NULL".ljust(20, b"\0")
_SIGNATURE: Final = 0xFF
_SIGNATURE_END: Final = 0x7F
_MAJOR_VERSION_MIN: Final = 3
_MORE, _LONG, _COMMAND = 1, 2, 4
_HEAD_SHORT, _HEAD_LONG = 2, 9
_KNOWN_FLAGS: Final = _MORE | _LONG | _COMMAND


class FrameScanner:
    """Follows one direction of one connection; feed it every byte, in order, in any portions."""

    def __init__(self, about: str, *, frame_bytes_max: int, command_bytes_max: int, parts_max: int) -> None:
        self._about = about
        self._frame_bytes_max = frame_bytes_max
        self._command_bytes_max = command_bytes_max
        self._parts_max = parts_max
        self._head = bytearray()
        self._greeted = False
        self._body_left = 0
        self._parts = 0
        self.messages = 0
        """Whole messages so far; commands are none."""

    def feed(self, data: memoryview) -> None:
        """Follow `data`, or raise `LinkRefused` at the first header that breaks a rule."""
        at = min(self._body_left, len(data))
        self._body_left -= at
        end = len(data)
        while at < end:
            read = self._complete_head if self._head or not self._greeted else self._read_head
            at = read(data, at)
            step = min(self._body_left, end - at)
            self._body_left -= step
            at += step

    def _read_head(self, data: memoryview, at: int) -> int:
        """Take a header where it lies; one that is not all here yet is kept."""
        flags = data[at]
        body = at + (_HEAD_LONG if flags & _LONG else _HEAD_SHORT)
        if body > len(data):
            self._head += data[at:]
            return len(data)
        self._take_head(flags, int.from_bytes(data[at + 1 : body], "big"))
        return body

    def _complete_head(self, data: memoryview, at: int) -> int:
        """Go on with the greeting or the header that began in earlier data."""
        wanted = self._head_bytes() - len(self._head)
        self._head += data[at : at + wanted]
        if not self._greeted and self._head[0] != _SIGNATURE:
            raise LinkRefused(Reason.NOT_ZMTP, self._about, f"it begins with {self._head[0]:#04x}")
        if len(self._head) == self._head_bytes():
            head, self._head = self._head, bytearray()
            if self._greeted:
                self._take_head(head[0], int.from_bytes(head[1:], "big"))
            else:
                self._check_greeting(head)
                self._greeted = True
        return min(at + wanted, len(data))

    def _head_bytes(self) -> int:
        if not self._greeted:
            return GREETING_BYTES
        return _HEAD_LONG if self._head[0] & _LONG else _HEAD_SHORT

    def _take_head(self, flags: int, length: int) -> None:
        if flags & ~_KNOWN_FLAGS or (flags & _COMMAND and flags & _MORE):
            raise LinkRefused(Reason.NOT_ZMTP, self._about, f"frame flags {flags:#04x}")
        self._count(flags, length)

    def _check_greeting(self, greeting: bytearray) -> None:
        signed = greeting[0] == _SIGNATURE and greeting[9] == _SIGNATURE_END
        if not signed or greeting[10] < _MAJOR_VERSION_MIN or greeting[12:32] != _MECHANISM:
            raise LinkRefused(Reason.NOT_ZMTP, self._about, f"greeting {bytes(greeting[:12]).hex()}")

    def _count(self, flags: int, length: int) -> None:
        limit = self._command_bytes_max if flags & _COMMAND else self._frame_bytes_max
        if length > limit:
            raise LinkRefused(Reason.TOO_LONG, self._about, f"a frame of {length} bytes, at most {limit}")
        self._body_left = length
        if flags & _COMMAND:
            return
        self._parts += 1
        if self._parts > self._parts_max:
            raise LinkRefused(Reason.TOO_MANY_PARTS, self._about, f"at most {self._parts_max}")
        if not flags & _MORE:
            self._parts = 0
            self.messages += 1
