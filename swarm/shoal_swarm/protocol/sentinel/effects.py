"""Everything that a sentinel's run asks its shell to do. Labels name the points at which a crash is tried."""

import msgspec

from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Record
from shoal_swarm.protocol.round_messages import FromSentinel


class Send(msgspec.Struct, frozen=True):
    """Say something to a node, if it is connected; nothing depends on its arrival."""

    to: NodeName
    message: FromSentinel

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return f"sentinel sends {type(self.message).__name__}"


class SendLedger(msgspec.Struct, frozen=True):
    """Read what follows `after` from the register and send it to a node, a page at a time."""

    to: NodeName
    after: int

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "sentinel sends ledger"


class IssueIncarnation(msgspec.Struct, frozen=True):
    """Let the register number this process (`membership.issue`, in one transaction)."""

    node: NodeName
    boot_nonce: str

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "sentinel issues incarnation"


class WriteRecord(msgspec.Struct, frozen=True):
    """Compare and set: replace the record and append the entries, in one transaction, if the version is as expected."""

    expected_version: int
    record: Record
    entries: tuple[LedgerEntry, ...]

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return f"sentinel writes {type(self.entries[-1].decision()).__name__}"


class ReadLedger(msgspec.Struct, frozen=True):
    """Ask the register what follows `after`: another sentinel may have written."""

    after: int

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "sentinel reads ledger"


class Alarm(msgspec.Struct, frozen=True):
    """Something that a person must see; the run goes on as the sentence says."""

    sentence: str

    @property
    def label(self) -> str:
        """Where a crash can be tried."""
        return "sentinel raises alarm"


Effect = Send | SendLedger | IssueIncarnation | WriteRecord | ReadLedger | Alarm
