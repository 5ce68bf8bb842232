"""The engine `process`: everything runs as processes of this user on this machine."""

from shoal_orchestrator.engines.contract import Work
from shoal_swarm.service.children import Child, Hear, Order


class ProcessEngine:
    """Starts processes."""

    def place(self, order: Order, hear: Hear) -> Work:
        """A process that is started again when it dies."""
        return Child(order, hear)
