"""The sentinel's links: who is connected, what they say to which run, and what runs say to them."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal_base.logs import get_log
from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Role
from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.messages import REVOCATIONS_BYTES_MAX, AnyMessage, Revocations
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.round_messages import FromNode, FromSentinel, Join, Refused
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.register import open_register
from shoal_swarm.sentinel.overview import overview
from shoal_swarm.sentinel.records import Records
from shoal_swarm.sentinel.run_host import RunHost
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.outbox import Outbox
from shoal_swarm.service.pumping import pump
from shoal_swarm.service.stopping import stop_on_signals
from shoal_swarm.service.vouchers import Vouching
from shoal_swarm.service.window import window
from shoal_swarm.transport.contract import Address, Link
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.reasons import Reason

REVOCATIONS_LOOK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelSettings:
    """What one sentinel is started with."""

    files: CredentialFiles
    address: Address
    register_url: str
    runs: Sequence[RunRules]
    timing: Timing
    boundaries: Boundaries
    state: Path
    """Where its window is."""


class Switchboard:
    """Between links and runs: one outbox a connected node, one host a run."""

    def __init__(self, revocations: Callable[[], bytes]) -> None:
        self._revocations = revocations
        self.runs: dict[str, RunHost] = {}
        self._outboxes: dict[NodeName, Outbox] = {}

    def say(self, to: NodeName, message: FromSentinel) -> None:
        """Say it to a node, if it is connected; whoever is not will ask again."""
        outbox = self._outboxes.get(to)
        if outbox is not None:
            outbox.put(message)

    async def serve(self, link: Link) -> None:
        """Serve one link to its end."""
        identity = link.peer.identity
        node, outbox = NodeName(identity.name), Outbox()
        if identity.role is Role.NODE:
            self._outboxes[node] = outbox
            self._hand_out_revocations([outbox])

        async def hear(message: AnyMessage) -> None:
            if isinstance(message, FromNode):
                await self._hear(node, message, outbox)

        try:
            end = await pump(link, outbox, hear)
            if end.reason is Reason.REVOKED:
                for host in self.runs.values():
                    host.expel(node)
        finally:
            if self._outboxes.get(node) is outbox:
                del self._outboxes[node]

    async def follow_revocations(self) -> None:
        """Whenever a newer revocation list is in force here, hand it out to everybody."""
        handed_out = self._revocations()
        while True:
            await asyncio.sleep(REVOCATIONS_LOOK_S)
            if self._revocations() != handed_out:
                handed_out = self._revocations()
                get_log().info("revocations_pushed", nodes=len(self._outboxes))
                self._hand_out_revocations(self._outboxes.values())

    def _hand_out_revocations(self, outboxes: Iterable[Outbox]) -> None:
        pem = self._revocations()
        if len(pem) > REVOCATIONS_BYTES_MAX:
            get_log().error(
                "revocations_not_pushed", bytes=len(pem), bytes_max=REVOCATIONS_BYTES_MAX, advice="copy crl.pem by hand"
            )
            return
        for outbox in outboxes:
            outbox.put(Revocations(pem=pem))

    async def _hear(self, node: NodeName, message: FromNode, outbox: Outbox) -> None:
        host = self.runs.get(str(message.run))
        if host is not None:
            await host.hear(node, message)
        elif isinstance(message, Join):
            reason = (
                f"This sentinel has no run {str(message.run)[:64]!a}. Start it with the same run options as its nodes."
            )
            outbox.put(Refused(run=message.run, boot_nonce=message.boot_nonce, reasons=(reason,)))


async def serve(settings: SentinelSettings, say_ready: Callable[[Address], None]) -> None:
    """Serve until somebody asks this process to end."""
    stopped = stop_on_signals()
    keyring = Keyring(settings.files)
    board = Switchboard(lambda: keyring.revocations)
    with ThreadPoolExecutor(1, "register") as books:
        loop = asyncio.get_running_loop()
        register = await loop.run_in_executor(books, open_register, settings.register_url)
        try:
            for rules in settings.runs:
                records = Records(register, str(rules.run))
                host = RunHost(
                    rules, settings.timing, Vouching(keyring), records, books, board.say, settings.boundaries
                )
                await host.open()
                board.runs[str(rules.run)] = host
            async with TlsEndpoint(keyring) as endpoint:
                address = await endpoint.listen(settings.address)
                show = window(settings.state, lambda: _facts(endpoint, address, board))
                async with show, asyncio.TaskGroup() as tasks:
                    own = [tasks.create_task(host.drive(), name=f"run {name}") for name, host in board.runs.items()]
                    own.append(tasks.create_task(_accept_all(endpoint, board), name="accept"))
                    own.append(tasks.create_task(board.follow_revocations(), name="revocations"))
                    say_ready(address)
                    await stopped.wait()
                    get_log().info("stop_requested")
                    for task in own:
                        task.cancel()
        finally:
            await loop.run_in_executor(books, register.close)


def _facts(endpoint: TlsEndpoint, address: Address, board: Switchboard) -> dict[str, Any]:
    now = time.monotonic()
    return {
        "kind": "sentinel",
        "identity": endpoint.identity.uri,
        "address": f"{address[0]}:{address[1]}",
        "links": len(endpoint.links()),
        "runs": [overview(host.run, now) for host in board.runs.values()],
        "problems": [problem for host in board.runs.values() for problem in host.problems],
    }


async def _accept_all(endpoint: TlsEndpoint, board: Switchboard) -> None:
    async with asyncio.TaskGroup() as links:
        while True:
            link = await endpoint.accept()
            links.create_task(board.serve(link), name=f"serve {link.peer.identity}")
