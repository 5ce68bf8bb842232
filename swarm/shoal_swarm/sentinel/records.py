"""The register in the protocol's words. Every call blocks; one thread makes them, in the order of the effects.

The record's version is the length of the ledger, in the register as in the protocol: every write brings one
entry. An entry is stored whole, seal and signature included, so that a page of the table is a page of the ledger.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from shoal_base.errors import PlaceRefused, ShoalError
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Record, record_bytes, record_from
from shoal_swarm.protocol.sentinel.effects import WriteRecord
from shoal_swarm.protocol.sentinel.events import IncarnationIssued, LedgerRead, WriteFailed, WriteLost, WriteWon
from shoal_swarm.register import Entry, Register, Won

PAGE_BYTES_MAX: Final = 48 << 10
"""A page of the ledger fits into one message with room for its frame; a longer entry travels alone."""
_NO_FACTS: Final = b""


class Records:
    """One run's record and ledger, and the numbers of its members' processes."""

    def __init__(self, register: Register, run: str) -> None:
        self._register = register
        self._run = run

    def read(self) -> Record | None:
        """The record as it stands."""
        found = self._register.runs.read(self._run)
        return None if found is None else record_from(found.record)

    def issue(self, node: NodeName, boot_nonce: str) -> IncarnationIssued:
        """Number a process; `InputRefused` for a nonce that is none."""
        boot = self._register.members.hello(f"node/{node}", nonce_bytes(boot_nonce), _NO_FACTS)
        return IncarnationIssued(node, boot_nonce, boot.incarnation)

    def write(self, effect: WriteRecord) -> WriteWon | WriteLost | WriteFailed:
        """Compare and set; losing and failing are answers."""
        record = record_bytes(effect.record)
        entries = [_stored(entry) for entry in effect.entries]
        try:
            if effect.expected_version == 0:
                won = self._register.runs.create(self._run, effect.record.config_hash, record, entries)
            else:
                outcome = self._register.runs.write(self._run, effect.expected_version, record, entries)
                won = isinstance(outcome, Won)
            return WriteWon(effect.record.head) if won else WriteLost(self._after(effect.expected_version))
        except ShoalError as problem:
            return WriteFailed(str(problem))

    def ledger(self, after: int) -> LedgerRead:
        """What follows a version, a page of it."""
        return LedgerRead(self._after(after))

    def page(self, after: int) -> tuple[LedgerEntry, ...]:
        """What follows a version, as much of it as fits into one message."""
        page: list[LedgerEntry] = []
        size = 0
        for entry in self._after(after):
            size += len(entry.body) + len(entry.signature)
            if page and size > PAGE_BYTES_MAX:
                break
            page.append(entry)
        return tuple(page)

    def _after(self, version: int) -> tuple[LedgerEntry, ...]:
        return tuple(_read(entry) for entry in self._register.ledger.entries(self._run, version))


def put_back(register: Register, record: Record, entries: Sequence[LedgerEntry]) -> bool:
    """Put a run into a register that does not have it; False if it has."""
    return register.runs.restore(
        str(record.run), record.config_hash, record.version, record_bytes(record), [_stored(entry) for entry in entries]
    )


def nonce_bytes(boot_nonce: str) -> bytes:
    """A boot's nonce as the register keeps it; empty, which the register refuses, for what is no nonce."""
    try:
        return bytes.fromhex(boot_nonce)
    except ValueError:
        return b""


def _stored(entry: LedgerEntry) -> Entry:
    return Entry(position=entry.index, digest=entry.hash, body=msgspec.msgpack.encode(entry))


def _read(entry: Entry) -> LedgerEntry:
    try:
        return msgspec.msgpack.decode(entry.body, type=LedgerEntry)
    except msgspec.MsgspecError as problem:
        raise PlaceRefused(
            f"Entry {entry.position} of the register's ledger cannot be read: {problem}. Another version of Shoal "
            "wrote it; run that one."
        ) from problem


def read_entries(register: Register, run: str) -> Sequence[LedgerEntry]:
    """A run's whole ledger, for a person who wants to see or check it."""
    entries: list[LedgerEntry] = []
    while page := register.ledger.entries(run, len(entries)):
        entries += [_read(entry) for entry in page]
    return entries
