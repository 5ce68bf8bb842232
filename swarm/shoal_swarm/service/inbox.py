"""Where a process's events wait for their turn.

What others say comes through a door with so many places: whoever is too fast waits, and so does its link. What
the process's own workers answer needs no place, because each answer belongs to an order that was given before,
and a worker that had to wait for its customer would wait for ever.
"""

import asyncio
from typing import Final, Generic, TypeVar

Event = TypeVar("Event")

PLACES_FOR_OTHERS: Final = 512
"""Events of others that may wait; beyond that their links are not read."""


class Inbox(Generic[Event]):
    """Events in the order in which they came."""

    def __init__(self, places: int = PLACES_FOR_OTHERS) -> None:
        self._places = asyncio.Semaphore(places)
        self._events: asyncio.Queue[tuple[Event, bool]] = asyncio.Queue()

    async def hear(self, event: Event) -> None:
        """Something from outside; waits while all places are taken."""
        await self._places.acquire()
        self._events.put_nowait((event, True))

    def answer(self, event: Event) -> None:
        """What one of our own workers has done."""
        self._events.put_nowait((event, False))

    async def next(self) -> Event:
        """The oldest event."""
        event, from_outside = await self._events.get()
        if from_outside:
            self._places.release()
        return event
