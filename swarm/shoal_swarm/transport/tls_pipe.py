"""A pipe over the network: libzmq's DEALER on this side, TLS on the other, the pump between them."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

import zmq

from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.contract import Buffer
from shoal_swarm.transport.dealer import Dealer
from shoal_swarm.transport.framing import FrameScanner
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.pump import End, Pump
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, link_error


class TlsPipe:
    """Frames to and from the party at the other end of one TLS connection."""

    def __init__(
        self,
        tls: ssl.SSLSocket,
        context: zmq.Context[zmq.Socket[bytes]],
        folder: Path,
        kind: LinkKind,
        about: str,
        limits: Limits,
    ) -> None:
        self._about = about
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._finishing = False
        self._dealer = Dealer(context, folder, kind, limits)
        scanner = FrameScanner(
            about,
            frame_bytes_max=limits.frame_bytes_max(kind),
            command_bytes_max=limits.command_bytes_max,
            parts_max=limits.parts_max,
        )
        self._pump = Pump(tls, self._dealer.inner, scanner, limits, self._pump_ended)
        self._pump.start()

    @property
    def bytes_carried(self) -> int:
        """Both ways, so far."""
        return self._pump.bytes_in + self._pump.bytes_out

    async def send(self, frames: Sequence[Buffer]) -> None:
        """Queue one message; waits while the queue is full."""
        if self._pump.end is not None or self._dealer.closed:
            raise self._error()
        if not await self._dealer.send(frames):
            raise self._error()

    async def receive(self) -> Sequence[Buffer]:
        """The next message, or the error that ended the pipe."""
        while not self._dealer.closed:
            ended = self._pump.end is not None  # asked first: what arrived before the end is still given out
            frames = self._dealer.take()
            if frames is not None:
                return frames
            if ended:
                break
            await self._dealer.wait_for_message()
        self._dealer.close(0)
        raise self._error()

    async def finish(self) -> None:
        """Deliver what is queued, within bounds, and close."""
        self._finishing = True
        self._dealer.close(self._limits.goodbye_s)
        await self._gone.wait()

    def abort(self, reason: Reason, detail: str = "") -> None:
        """Close now."""
        self._finishing = True
        self._pump.abort(reason, detail)
        self._dealer.close(0)

    def _pump_ended(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._hear_end)
        except RuntimeError:  # the loop is closed; nobody waits any more
            return

    def _hear_end(self) -> None:
        self._gone.set()
        self._dealer.abandon()

    def _error(self) -> LinkRefused | LinkEnded:
        end = self._pump.end or End(Reason.CLOSED)
        if end.reason is Reason.CLOSED and not self._finishing:
            return link_error(self._why_libzmq_closed(), self._about, "libzmq closed the connection")
        return link_error(end.reason, self._about, end.detail)

    def _why_libzmq_closed(self) -> Reason:
        quiet_s = time.monotonic() - self._pump.heard_at
        return Reason.SILENT if quiet_s > self._limits.heartbeat_s else Reason.NOT_ZMTP
