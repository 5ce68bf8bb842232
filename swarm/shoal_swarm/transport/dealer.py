"""One private DEALER socket for one authenticated connection, and its asyncio face.

The socket listens in a folder that only we may enter; the pump's end connects at once and the path is
unlinked before anybody else could use it. libzmq's own account of the matter, its monitor, must then say that
exactly one peer was accepted.

libzmq signals through one descriptor that something changed, not what, and any call on the socket may swallow
the signal. So after every send and receive the waiters of the other direction are looked after too. And the
descriptor stays readable until somebody asks what changed: whoever is woken by it asks, even when nobody waits,
or the event loop would spin for as long as messages arrive that nobody takes.

Every call costs what a small message costs, and an attempt that fails costs three times as much, because it
makes an exception. So what is known is remembered, and what is not is asked before it is tried.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import zmq
from zmq.utils.monitor import recv_monitor_message

from shoal_base.errors import PlaceRefused, Unavailable
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.limits import Limits

Buffer: TypeAlias = bytes | memoryview
SOCKET_PATH_BYTES_MAX = 107
# As plain numbers: combining pyzmq's flags, which are enums, takes longer than sending a small frame.
_IN, _OUT = int(zmq.POLLIN), int(zmq.POLLOUT)
_NOW, _MORE = int(zmq.NOBLOCK), int(zmq.SNDMORE)
_ACCEPT_MS = 2000
_LENT_BYTES_MIN = 64 * 1024
"""Smaller frames are copied: lending one to libzmq, and hearing that it came back, takes longer."""


class Dealer:
    """A DEALER whose only peer is the pump that `inner` is handed to."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], folder: Path, kind: LinkKind, limits: Limits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._abandoned = False
        self._seen_message = False
        self._readers: list[asyncio.Future[None]] = []
        self._writers: list[asyncio.Future[None]] = []
        self._socket = context.socket(zmq.DEALER)
        try:
            _set_options(self._socket, kind, limits)
            self.inner = _connect_privately(self._socket, folder, limits.relay_bytes)
        except BaseException:
            self._socket.close(linger=0)
            raise
        self._descriptor = int(self._socket.FD)
        self._loop.add_reader(self._descriptor, self._signalled)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent or received any more."""
        return self._socket.closed

    async def send(self, frames: Sequence[Buffer]) -> bool:
        """Hand a message to libzmq; waits while its queue is full. False when the peer is gone."""
        while not (self._socket.closed or self._abandoned):
            try:
                for frame in frames[:-1]:
                    self._socket.send(frame, _NOW | _MORE, copy=len(frame) < _LENT_BYTES_MIN)
                self._socket.send(frames[-1], _NOW, copy=len(frames[-1]) < _LENT_BYTES_MIN)
            except zmq.Again:
                await self._wait(self._writers)
            else:
                self._look()
                return True
        return False

    def take(self) -> list[memoryview] | None:
        """The next message if it is there."""
        if not (self._seen_message or self._events() & _IN):
            return None
        self._seen_message = False
        try:
            frames = [self._socket.recv(_NOW, copy=False)]
            while frames[-1].more:
                frames.append(self._socket.recv(_NOW, copy=False))
        except zmq.Again:
            return None
        if self._writers:
            self._look()
        return [frame.buffer for frame in frames]

    async def wait_for_message(self) -> None:
        """Return when there may be a message, or when none will come any more; ask `take` just before."""
        await self._wait(self._readers)

    def abandon(self) -> None:
        """The peer is gone: nobody waits for it any longer; what it sent can still be taken."""
        self._abandoned = True
        for future in (*self._readers, *self._writers):
            if not future.done():
                future.set_result(None)

    def close(self, linger_s: float) -> None:
        """Give libzmq so long to deliver what is queued; returns at once."""
        if not self._socket.closed:
            self._loop.remove_reader(self._descriptor)
            self._socket.close(linger=int(linger_s * 1000))
            self.abandon()

    async def _wait(self, waiters: list[asyncio.Future[None]]) -> None:
        """Until the next signal that concerns `waiters`; libzmq has just said no, so that signal is still to come."""
        if self._abandoned or self._socket.closed:
            return
        future: asyncio.Future[None] = self._loop.create_future()
        waiters.append(future)
        try:
            await future
        finally:
            waiters.remove(future)

    def _events(self) -> int:
        found = self._socket.get(zmq.EVENTS)
        assert isinstance(found, int), "libzmq answers with a number"
        return found

    def _look(self) -> None:
        if self._readers or self._writers:
            self._signalled()

    def _signalled(self) -> None:
        if self._socket.closed:
            return
        events = self._events()
        self._seen_message = bool(events & _IN)
        for waiters, event in ((self._readers, _IN), (self._writers, _OUT)):
            for future in waiters if events & event else ():
                if not future.done():
                    future.set_result(None)


def _set_options(dealer: zmq.Socket[bytes], kind: LinkKind, limits: Limits) -> None:
    dealer.setsockopt(zmq.MAXMSGSIZE, limits.frame_bytes_max(kind))
    dealer.setsockopt(zmq.SNDHWM, limits.queue_messages)
    dealer.setsockopt(zmq.RCVHWM, limits.queue_messages)
    dealer.setsockopt(zmq.LINGER, int(limits.goodbye_s * 1000))
    dealer.setsockopt(zmq.BACKLOG, 1)
    dealer.setsockopt(zmq.HANDSHAKE_IVL, int(limits.greeting_s * 1000))
    if kind is LinkKind.CONTROL:  # a bulk link may be silent behind megabytes; its transfers have their own pace
        dealer.setsockopt(zmq.HEARTBEAT_IVL, int(limits.heartbeat_s * 1000))
        dealer.setsockopt(zmq.HEARTBEAT_TIMEOUT, int(limits.silence_s * 1000))


def _connect_privately(dealer: zmq.Socket[bytes], folder: Path, relay_bytes: int) -> socket.socket:
    path = folder / secrets.token_hex(8)
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        raise PlaceRefused(f"{path} is too long for a local socket; let TMPDIR name a shorter folder.")
    monitor = dealer.get_monitor_socket(zmq.Event.ACCEPTED)
    inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, relay_bytes)
    try:
        dealer.bind(f"ipc://{path}")
        inner.connect(str(path))
        path.unlink()
        _check_alone(monitor)
    except BaseException:
        inner.close()
        raise
    finally:
        path.unlink(missing_ok=True)
        dealer.disable_monitor()
        monitor.close(linger=0)
    return inner


def _check_alone(monitor: zmq.Socket[bytes]) -> None:
    accepted = 0
    while monitor.poll(0 if accepted else _ACCEPT_MS):
        accepted += recv_monitor_message(monitor)["event"] == zmq.Event.ACCEPTED
    if accepted != 1:
        raise Unavailable(f"A local socket of ours was entered by {accepted} peers; the link is given up.")
