"""Every implementation of the wire, behind one face: a harness that makes parties and breaks connections."""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from shoal_certs.identity import Identity, Role
from shoal_swarm.transport.contract import Address
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.memory import MemoryEndpoint, MemoryNetwork
from tests.parties import Town

AnyEndpoint = TlsEndpoint | MemoryEndpoint
ANYWHERE: Address = ("127.0.0.1", 0)


@dataclass
class World:
    """Makes parties of one implementation; all are closed at the end."""

    folder: Path
    stack: AsyncExitStack
    town: Town | None = field(init=False, default=None)
    network: MemoryNetwork = field(init=False)

    def __post_init__(self) -> None:
        self.network = MemoryNetwork(np.random.default_rng(7))

    async def party(self, name: str, role: Role = Role.NODE, limits: Limits = DEFAULT_LIMITS) -> AnyEndpoint:
        raise NotImplementedError

    def cut(self, one: AnyEndpoint, other: AnyEndpoint) -> None:
        """Break the connections between two parties without a word."""
        raise NotImplementedError


class TlsWorld(World):
    async def party(self, name: str, role: Role = Role.NODE, limits: Limits = DEFAULT_LIMITS) -> TlsEndpoint:
        self.town = self.town or Town(self.folder)
        return await self.stack.enter_async_context(TlsEndpoint(Keyring(self.town.files(name, role)), limits))

    def cut(self, one: AnyEndpoint, other: AnyEndpoint) -> None:
        for link in one.links():
            if link.peer.identity == other.identity:
                with socket.socket(fileno=os.dup(link._pipe._pump._tls_descriptor)) as wire:
                    wire.shutdown(socket.SHUT_RDWR)


class MemoryWorld(World):
    async def party(self, name: str, role: Role = Role.NODE, limits: Limits = DEFAULT_LIMITS) -> MemoryEndpoint:
        endpoint = MemoryEndpoint(self.network, Identity("reef", role, name), limits)
        self.stack.push_async_callback(endpoint.close)
        return endpoint

    def cut(self, one: AnyEndpoint, other: AnyEndpoint) -> None:
        self.network.cut(one.identity, other.identity)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=[TlsWorld, MemoryWorld], ids=["tls", "memory"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    make: Callable[[Path, AsyncExitStack], World] = request.param
    async with AsyncExitStack() as stack:
        yield make(tmp_path, stack)
