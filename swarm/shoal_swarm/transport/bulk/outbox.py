"""What a desk answers, said by a task of its own.

Whoever reads a link must never wait until the other side reads: when both sides are full and both wait to say
"send more", nobody reads and nobody ever will.
"""

import asyncio
from collections import deque
from typing import Final

from shoal_swarm.protocol.messages import AnyMessage
from shoal_swarm.transport.contract import Buffer, Link
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason

ANSWERS_MAX: Final = 64
"""Honest peers are owed far fewer: a few grants and a last word for each of their transfers."""


class Outbox:
    """The answers that wait until the peer reads."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: deque[tuple[AnyMessage, Buffer | None]] = deque()
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def say(self, message: AnyMessage, payload: Buffer | None = None) -> None:
        """Queue an answer, or raise `LinkRefused` where the peer asks and asks and does not read."""
        if len(self._waiting) >= ANSWERS_MAX:
            detail = f"{ANSWERS_MAX} answers wait to be read"
            raise LinkRefused(Reason.FLOOD, self._link.peer.identity.uri, detail)
        self._waiting.append((message, payload))
        self._news.set()

    async def run(self) -> None:
        """Say them, one after the other, until the link is over; whoever receives hears why it is."""
        try:
            while True:
                while self._waiting:
                    await self._link.send(*self._waiting[0])
                    self._waiting.popleft()
                self._news.clear()
                await self._news.wait()
        except (LinkEnded, LinkRefused):
            return
