"""What this machine has to offer to a run."""

import os
import random
import socket
from contextlib import suppress
from typing import Final

from shoal_base.errors import PlaceRefused
from shoal_orchestrator.planning.plan import LOOPBACK, Machine

PORTS: Final = range(20_000, 32_000)
"""Below those that the kernel hands out by itself, so nobody takes one between our look and our use of it."""
_LOOKS: Final = 1_000


def this_machine(nodes: int) -> Machine:
    """Cores, the environment, and free ports for a sentinel and so many nodes."""
    return Machine(cores=len(os.sched_getaffinity(0)), ports=_free_ports(nodes + 1), environment=dict(os.environ))


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(PORTS, min(_LOOKS, len(PORTS))):
        if len(found) == count:
            return found
        with suppress(OSError), socket.socket() as probe:
            probe.bind((LOOPBACK, port))
            found.append(port)
    raise PlaceRefused(f"{count} free ports are needed and {len(found)} were found. End what uses them.")
