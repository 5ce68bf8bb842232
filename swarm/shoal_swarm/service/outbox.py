"""What waits to be said over a control link: so many messages, and then the oldest gives way.

Nothing in the protocol depends on the arrival of a message: what is still true is said again on the next tick.
So a link that is slow or gone costs memory for so many messages and never holds anybody up.
"""

import asyncio
from collections import deque
from typing import Final

from shoal_swarm.protocol.messages import AnyMessage

MESSAGES_WAITING_MAX: Final = 256


class Outbox:
    """The messages for one party."""

    def __init__(self, messages_max: int = MESSAGES_WAITING_MAX) -> None:
        self._messages: deque[AnyMessage] = deque(maxlen=messages_max)
        self._news = asyncio.Event()

    def put(self, message: AnyMessage) -> None:
        """Say it when the link is ready for it."""
        self._messages.append(message)
        self._news.set()

    async def take(self) -> AnyMessage:
        """The oldest message."""
        while not self._messages:
            self._news.clear()
            await self._news.wait()
        return self._messages.popleft()

    @property
    def is_empty(self) -> bool:
        """Whether everything was said."""
        return not self._messages

    def clear(self) -> None:
        """The link is gone, and what was meant for it will be said again."""
        self._messages.clear()
