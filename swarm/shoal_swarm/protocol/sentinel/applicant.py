"""A process that asks to take part."""

from dataclasses import dataclass

from shoal_swarm.protocol.joining import Fit


@dataclass(slots=True)
class Applicant:
    """A process that said HELLO and waits for its number, or for its admission to be written."""

    boot_nonce: str
    fit: Fit
    address: str
    incarnation: int | None = None
