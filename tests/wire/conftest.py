"""Parties on real sockets, and processes that can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Role
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from tests.parties import Town

ANYWHERE = ("127.0.0.1", 0)
SHOAL = [sys.executable, "-c", "from shoal_swarm.cli import main; main()"]
PartyMaker = Callable[..., Awaitable[TlsEndpoint]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path / "town")


@pytest.fixture
async def party(town: Town) -> AsyncIterator[PartyMaker]:
    """Makes an endpoint; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def make(
            name: str, role: Role = Role.NODE, limits: Limits = DEFAULT_LIMITS, **kwargs: object
        ) -> TlsEndpoint:
            keyring = Keyring(town.files(name, role))
            return await stack.enter_async_context(TlsEndpoint(keyring, limits, **kwargs))  # type: ignore[arg-type]

        yield make


async def until(is_so: Callable[[], bool], within_s: float = 5) -> None:
    """Wait for what happens beside the test."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110 - threads, files and logs have no event
            await asyncio.sleep(0.005)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def start_echo(files: CredentialFiles, into: Path, port: int = 0) -> tuple[asyncio.subprocess.Process, int]:
    """`shoal peer --echo` as a process of its own, and the port that it listens on."""
    process = await asyncio.create_subprocess_exec(
        *SHOAL, "peer", "--echo", "--listen", f"127.0.0.1:{port}", "--into", str(into), *_keys(files),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(20):
        line = (await process.stderr.readline()).decode()
    assert "listens on" in line, line
    return process, int(line.rpartition(":")[2])


async def start_send(files: CredentialFiles, file: Path, port: int, expect: str) -> asyncio.subprocess.Process:
    """`shoal peer --send` as a process of its own."""
    return await asyncio.create_subprocess_exec(
        *SHOAL, "peer", "--send", str(file), "--to", f"127.0.0.1:{port}", "--expect", expect, *_keys(files),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def _keys(files: CredentialFiles) -> list[str]:
    return ["--key", str(files.key), "--cert", str(files.cert), "--capath", str(files.capath)]
