"""The door: accepts connections, holds them to their budgets, and lets in only who has proved an identity.

One thread does all of it, without ever waiting for a single connection: sockets are non-blocking, a handshake
moves on when its bytes arrive, and one that is late is closed. Until a connection has passed, no bytes of it
reach anything but OpenSSL, and nothing of ZeroMQ exists for it.
"""

import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from shoal_base.logs import get_log
from shoal_certs.validator import Certified
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.budget import Admitted, Budget, Place
from shoal_swarm.transport.handshake import judge_dialler, refusal_of
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import LinkRefused, Reason

LetIn: TypeAlias = Callable[[ssl.SSLSocket, LinkKind, Certified], None]
_ACCEPTS_AT_ONCE = 64
_TICK_S = 0.25
_LOG_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class _Newcomer:
    tls: ssl.SSLSocket
    address: str
    place: Place
    deadline: float


class Door:
    """One listening socket and the handshakes that are going on behind it."""

    def __init__(self, listening: socket.socket, keyring: Keyring, limits: Limits, let_in: LetIn) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._keyring = keyring
        self._limits = limits
        self._let_in = let_in
        self._budget = Budget(limits)
        self._newcomers: dict[Place, _Newcomer] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._waker, self._wakes = socket.socketpair()
        self._selector.register(self._wakes, selectors.EVENT_READ)
        self._closing = False
        self._logged_at: dict[Reason, float] = {}
        self._log = get_log()
        self._thread = threading.Thread(target=self._run, name="shoal-door", daemon=True)
        self.refused: Counter[Reason] = Counter()
        """How often each reason closed the door on somebody."""

    def start(self) -> None:
        """Open."""
        self._thread.start()

    def close(self) -> None:
        """Shut the door; who is inside stays."""
        self._closing = True
        self._waker.send(b"!")
        self._thread.join()
        for newcomer in tuple(self._newcomers.values()):
            self._drop(newcomer)
        self._selector.close()
        for end in (self._listening, self._waker, self._wakes):
            end.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(_TICK_S if self._newcomers else None):
                if key.fileobj is self._listening:
                    self._accept()
                elif key.data is not None and key.data.place in self._newcomers:
                    self._move_on(key.data)
            now = time.monotonic()
            for newcomer in [one for one in self._newcomers.values() if one.deadline < now]:
                self._refuse(newcomer, LinkRefused(Reason.HANDSHAKE_LATE, newcomer.address))

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                raw, (address, *_) = self._listening.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as problem:  # the process is out of descriptors; those who wait will be accepted later
                self._log.warning("accept_failed", problem=str(problem))
                time.sleep(_TICK_S)
                return
            self._receive(raw, address)

    def _receive(self, raw: socket.socket, address: str) -> None:
        now = time.monotonic()
        verdict = self._budget.arrive(address, now=now)
        if not isinstance(verdict, Admitted):
            raw.close()
            self._note(LinkRefused(verdict.reason, address))
            return
        if verdict.instead_of is not None:
            victim = self._newcomers[verdict.instead_of]
            self._refuse(victim, LinkRefused(Reason.DOOR_BUSY, victim.address))
        try:
            raw.setblocking(False)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.getpeername()  # raises if it is gone already; the wrapping would raise too, and lose the socket
            tls = self._keyring.server.wrap_socket(
                raw, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
        except OSError:  # gone already
            raw.close()
            self._budget.leave(verdict.place)
            self._note(LinkRefused(Reason.HANDSHAKE_ABANDONED, address))
            return
        newcomer = _Newcomer(tls, address, verdict.place, now + self._limits.handshake_s)
        self._newcomers[verdict.place] = newcomer
        self._selector.register(tls, selectors.EVENT_READ, newcomer)

    def _move_on(self, newcomer: _Newcomer) -> None:
        try:
            newcomer.tls.do_handshake()
            kind, certified = judge_dialler(newcomer.tls, self._keyring, newcomer.address)
        except ssl.SSLWantReadError:
            self._selector.modify(newcomer.tls, selectors.EVENT_READ, newcomer)
        except ssl.SSLWantWriteError:
            self._selector.modify(newcomer.tls, selectors.EVENT_WRITE, newcomer)
        except LinkRefused as refusal:
            self._refuse(newcomer, refusal)
        except OSError as problem:
            self._refuse(newcomer, refusal_of(problem, newcomer.address))
        except Exception:  # noqa: BLE001 - a defect that one stranger can reach must not close the door to all
            self._log.exception("handshake_failed", about=newcomer.address)
            self._refuse(newcomer, LinkRefused(Reason.TLS_FAILED, newcomer.address))
        else:
            self._forget(newcomer)
            self._let_in(newcomer.tls, kind, certified)

    def _refuse(self, newcomer: _Newcomer, refusal: LinkRefused) -> None:
        self._drop(newcomer)
        self._note(refusal)

    def _drop(self, newcomer: _Newcomer) -> None:
        self._forget(newcomer)
        newcomer.tls.close()

    def _forget(self, newcomer: _Newcomer) -> None:
        self._selector.unregister(newcomer.tls)
        del self._newcomers[newcomer.place]
        self._budget.leave(newcomer.place)

    def _note(self, refusal: LinkRefused) -> None:
        """Count every refusal, log each reason once a second at most."""
        self.refused[refusal.reason] += 1
        now = time.monotonic()
        if now - self._logged_at.get(refusal.reason, -_LOG_EVERY_S) >= _LOG_EVERY_S:
            self._logged_at[refusal.reason] = now
            self._log.warning(
                "connection_refused",
                reason=refusal.reason.value,
                about=refusal.about,
                detail=refusal.detail,
                so_far=self.refused[refusal.reason],
            )
