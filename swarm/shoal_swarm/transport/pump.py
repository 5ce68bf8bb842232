"""Carries one link's bytes between TLS and libzmq; the thread in here is the only owner of the TLS object.

                        inward                                outward
    TLS ──recv_into──► scanner ──send──► libzmq      TLS ◄──send── buffer ◄──recv_into── libzmq

An `SSLSocket` that two threads use at once corrupts itself, whatever locks are around the socket below it. So
one thread does both directions: both descriptors non-blocking, one `poll`, one fixed buffer each way. When the
application stops reading, libzmq's queue fills, then the local socket, then this thread stops reading TLS, and
the TCP window closes: back-pressure needs no code, and memory stays where it is.

A TLS record holds at most 16 KiB and `poll` cannot see what OpenSSL has already decrypted, so the inward side
reads until OpenSSL wants more bytes, and only then sleeps. The buffers are large so that the thread asks for
the interpreter lock a few times per megabyte and not for every record.

How it ends:

    libzmq closed its end     what is still buffered goes out, then close_notify; whoever closed knows why
    TLS ended in order        what came goes to libzmq, then end-of-file; libzmq closes when it has read all
    anything else             at once, for the reason that is reported
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from shoal_base.logs import get_log
from shoal_swarm.transport.framing import FrameScanner
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import LinkRefused, Reason

_NOTHING = memoryview(b"")
_RECORD_BYTES_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class End:
    """Why a pump stopped."""

    reason: Reason
    detail: str = ""


class Pump:
    """One thread, one TLS connection, one local socket whose other end libzmq holds."""

    def __init__(
        self,
        tls: ssl.SSLSocket,
        inner: socket.socket,
        scanner: FrameScanner,
        limits: Limits,
        on_end: Callable[[], None],
    ) -> None:
        tls.setblocking(False)
        inner.setblocking(False)
        self._tls = tls
        self._inner = inner
        self._scanner = scanner
        self._limits = limits
        self._on_end = on_end
        self._in_buffer = memoryview(bytearray(limits.relay_bytes))
        self._out_buffer = memoryview(bytearray(limits.relay_bytes))
        self._inward = _NOTHING
        self._outward = _NOTHING
        self._tls_ended = False
        self._inner_ended = False
        self._inner_deaf = False
        self._inner_hung_up = False
        self._tls_ready = True
        self._inner_ready = True
        self._wants_to_write = False
        self._poller = select.poll()
        self._watched: dict[int, int | None] = {}
        self._tls_descriptor = tls.fileno()
        self._inner_descriptor = inner.fileno()
        self._order: End | None = None
        self._doors = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="shoal-pump", daemon=True)
        self.end: End | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self.heard_at = time.monotonic()

    def start(self) -> None:
        """From now on nobody else may touch the TLS object."""
        self._thread.start()

    def abort(self, reason: Reason, detail: str = "") -> None:
        """End now, whatever is still buffered; from any thread."""
        with self._doors:
            if self._order is None and self.end is None:
                self._order = End(reason, detail)
                _shut(self._inner, socket.SHUT_RDWR)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; true when it is gone."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            end = self._relay()
        except LinkRefused as refusal:
            end = End(refusal.reason, refusal.detail)
        except ssl.SSLEOFError:
            end = End(Reason.TRUNCATED)
        except OSError as problem:
            end = End(Reason.BROKEN, str(problem))
        except Exception:  # noqa: BLE001 - whoever waits for this link must hear that it is over
            get_log().exception("pump_failed")
            end = End(Reason.BROKEN, "a defect of ours; the log says where")
        with self._doors:
            self.end = self._order or end
            self._inner.close()
        self._tls.close()
        self._on_end()

    def _relay(self) -> End:
        deadline: float | None = None
        while self._order is None:
            self._move_inward()
            self._move_outward()
            if self._inner_ended and not self._outward:
                return self._part()
            if self._tls_ended and not self._inward:
                _shut(self._inner, socket.SHUT_WR)
            if deadline is None and (self._tls_ended or self._inner_ended or self._inner_hung_up):
                deadline = time.monotonic() + self._limits.silence_s
            if deadline is not None and time.monotonic() > deadline:
                break
            self._sleep(deadline)
        return End(Reason.TRUNCATED, "what came before the end was not read in time")

    def _move_inward(self) -> None:
        """TLS to libzmq, until one of them has to be waited for."""
        while not (self._inner_ended or self._inner_deaf):
            if not self._inward:
                if not self._tls_ready or self._tls_ended:
                    return
                self._inward = self._in_buffer[: self._read_tls()]
                self._scanner.feed(self._inward)
                if not self._inward:
                    return
            try:
                sent = self._inner.send(self._inward)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):  # libzmq left; what it said last is still to be read
                self._inner_deaf, self._inward = True, _NOTHING
                self._inner_ready = True
                return
            self._inward = self._inward[sent:]

    def _read_tls(self) -> int:
        """Fill the buffer as far as it goes; `poll` sees all bytes that OpenSSL has not taken from the kernel."""
        filled = 0
        buffer, tls = self._in_buffer, self._tls
        read = cast("Callable[[int, memoryview], int]", tls.read)  # it fills a buffer that it is given, and counts
        while filled < len(buffer):
            try:
                got = read(_RECORD_BYTES_MAX, buffer[filled:])
            except ssl.SSLWantReadError:
                self._tls_ready = False
                break
            except ssl.SSLWantWriteError:
                self._tls_ready, self._wants_to_write = False, True
                break
            if not got:
                self._tls_ended = True
                break
            filled += got
            if got < _RECORD_BYTES_MAX and not tls.pending():
                self._tls_ready = False
                break
        self.bytes_in += filled
        self.heard_at = time.monotonic()
        return filled

    def _move_outward(self) -> None:
        """Libzmq to TLS, until one of them has to be waited for."""
        if not self._outward and self._inner_ready and not self._inner_ended:
            self._read_inner()
        tls, outward = self._tls, self._outward
        try:
            while outward:
                sent = tls.write(outward)
                outward = outward[sent:]
                self.bytes_out += sent
        except ssl.SSLWantWriteError:
            self._wants_to_write = True
        except ssl.SSLWantReadError:
            self._wants_to_write = False
        self._outward = outward

    def _read_inner(self) -> None:
        try:
            got = self._inner.recv_into(self._out_buffer)
        except BlockingIOError:
            self._inner_ready = False
            return
        except ConnectionResetError:
            got = 0
        self._inner_ended = not got
        self._inner_ready = False
        self._outward = _NOTHING if self._tls_ended else self._out_buffer[:got]

    def _sleep(self, deadline: float | None) -> None:
        """Until something can move again; a descriptor that nothing is wanted from is not watched at all."""
        tls_wants = (
            select.POLLIN if not (self._inward or self._tls_ended or self._inner_ended or self._inner_deaf) else 0
        )
        tls_wants |= select.POLLOUT if self._wants_to_write else 0
        inner_wants = select.POLLIN if not (self._outward or self._inner_ended) else 0
        inner_wants |= select.POLLOUT if self._inward else 0
        self._wants_to_write = False
        # A descriptor that is registered reports its hang-up whether asked or not, and would keep poll from sleeping;
        # but libzmq's must be heard once, or a peer that reads nothing could keep a link that is long over.
        self._watch(self._tls_descriptor, tls_wants)
        self._watch(self._inner_descriptor, inner_wants, always=not (self._inner_hung_up or self._inner_ended))
        for descriptor, event in self._poller.poll(
            None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ):
            if descriptor == self._tls_descriptor:
                self._tls_ready = True
            else:
                self._inner_ready = True
                self._inner_hung_up |= bool(event & select.POLLHUP)

    def _watch(self, descriptor: int, events: int, *, always: bool = False) -> None:
        wanted = events if events or always else None
        watched = self._watched.get(descriptor)
        if wanted is None and watched is not None:
            self._poller.unregister(descriptor)
        elif wanted is not None and wanted != watched:
            self._poller.register(descriptor, wanted)
        self._watched[descriptor] = wanted

    def _part(self) -> End:
        """Libzmq closed its end, in peace or not: send close_notify and let what was sent arrive."""
        if self._tls_ended:
            return End(Reason.TRUNCATED)
        poller = select.poll()
        poller.register(self._tls_descriptor, select.POLLIN)
        try:
            self._tls.unwrap()
        except (OSError, ValueError):  # the other side has still something to say; close_notify is out all the same
            _shut(self._tls, socket.SHUT_WR)
        deadline = time.monotonic() + self._limits.goodbye_s
        # Closing with unread bytes makes the kernel reset the connection, and the goodbye would be lost.
        while (left_s := deadline - time.monotonic()) > 0 and poller.poll(left_s * 1000):
            try:
                if not self._tls.recv_into(self._in_buffer):
                    break
            except (ssl.SSLWantReadError, BlockingIOError):
                continue
            except OSError:
                break
        return End(Reason.CLOSED)


def _shut(end: socket.socket, how: int) -> None:
    try:
        end.shutdown(how)
    except OSError:
        return
