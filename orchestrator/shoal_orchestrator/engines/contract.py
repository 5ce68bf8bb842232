"""What starts things: the one interface behind which processes, and later containers, run."""

from typing import Protocol

from shoal_swarm.service.children import Hear, Order


class Work(Protocol):
    """Something that an engine keeps running."""

    async def run(self) -> None:
        """Keep it running until it has done its work or is stopped; raises where that is hopeless."""

    async def stop(self) -> None:
        """Ask it to end, and see to it that it does."""


class Engine(Protocol):
    """Starts what it is ordered to start."""

    def place(self, order: Order, hear: Hear) -> Work:
        """Take an order; nothing runs before the work is run. `hear` gets every line that it says."""
