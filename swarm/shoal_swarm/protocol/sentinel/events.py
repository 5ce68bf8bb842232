"""Everything that can happen to a sentinel's run."""

import msgspec

from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.round_messages import FromNode


class Received(msgspec.Struct, frozen=True):
    """A node said something; who it is comes from its certificate."""

    sender: NodeName
    message: FromNode


class Expelled(msgspec.Struct, frozen=True):
    """A node's certificate was revoked: what it contributed and is not committed yet goes with it."""

    node: NodeName


class IncarnationIssued(msgspec.Struct, frozen=True):
    """The register has given this process its number, durably."""

    node: NodeName
    boot_nonce: str
    incarnation: int


class WriteWon(msgspec.Struct, frozen=True):
    """The record now stands as this sentinel wrote it; `head` says which write that was."""

    head: Digest


class WriteLost(msgspec.Struct, frozen=True):
    """Somebody else wrote first: these entries follow the version that was expected."""

    entries: tuple[LedgerEntry, ...]


class WriteFailed(msgspec.Struct, frozen=True):
    """The register did not answer, or its disk is full; whether the write happened is not known."""

    reason: str


class LedgerRead(msgspec.Struct, frozen=True):
    """What the register holds beyond the version that was asked about."""

    entries: tuple[LedgerEntry, ...]


class Ticked(msgspec.Struct, frozen=True):
    """Nothing arrived, but the clock moved."""


Event = Received | Expelled | IncarnationIssued | WriteWon | WriteLost | WriteFailed | LedgerRead | Ticked
