"""What a desk asks and tells whoever uses it; every question names the link."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from shoal_swarm.protocol.messages import Announce, AnyMessage
from shoal_swarm.transport.contract import Buffer, Link, Party
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason


@dataclass(frozen=True, slots=True)
class Delivery:
    """A content that arrived, verified and durable."""

    link: Link
    content: bytes
    size: int
    path: Path

    @property
    def sender(self) -> Party:
        """Who sent it."""
        return self.link.peer


Wants: TypeAlias = Callable[[Link, Announce], Reason | None]
OnDelivery: TypeAlias = Callable[[Delivery], None]
OnMessage: TypeAlias = Callable[[Link, AnyMessage, Buffer | None], Awaitable[bool]]
OnEnd: TypeAlias = Callable[[Link, LinkEnded | LinkRefused], None]


def wants_anything(_link: Link, _announce: Announce) -> Reason | None:
    """Take whatever fits the limits."""
    return None


def ignore(_delivery: Delivery) -> None:
    """For whoever does not ask what came."""


async def knows_nothing_else(_link: Link, _message: AnyMessage, _payload: Buffer | None) -> bool:
    """For links that carry contents and nothing else."""
    return False


def not_missed(_link: Link, _end: LinkEnded | LinkRefused) -> None:
    """For whoever does not ask why a link ended."""
