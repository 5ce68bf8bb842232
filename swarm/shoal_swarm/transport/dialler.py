"""How a connection is opened, before TLS: plain TCP, or whatever a party's network needs.

A `Connector` returns a connected stream socket; everything that makes a link a link happens above it. This is
the hook for parties that can only dial out: a relay that splices bytes between two of them is a connector, and
sees nothing but TLS.
"""

import socket
from collections.abc import Callable
from typing import TypeAlias

from shoal_swarm.transport.contract import Address
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import LinkEnded, Reason

Connector: TypeAlias = Callable[[Address, Limits], socket.socket]


def connect_tcp(address: Address, limits: Limits) -> socket.socket:
    """A TCP connection to `address`; blocks, for at most `connect_s`."""
    try:
        raw = socket.create_connection(address, timeout=limits.connect_s)
    except OSError as problem:
        raise LinkEnded(Reason.UNREACHABLE, f"{address[0]}:{address[1]}", str(problem)) from problem
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


def keep_alive(stream: socket.socket, limits: Limits) -> None:
    """Let the kernel notice a peer that vanished without a word."""
    if stream.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    silence_s = int(limits.silence_s) or 1
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, silence_s)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, silence_s // 3))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.stall_s * 1000))
