"""What the authority remembers of every certificate it signed: one file each, written before the certificate leaves.

A file is never changed. What was revoked stands on the revocation list and nowhere else, so the two cannot
disagree.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from shoal_base.errors import PlaceRefused
from shoal_certs.authority import Wish
from shoal_certs.certificates import Certificate, key_fingerprint_of, pem_of, serial_hex
from shoal_certs.files import PRIVATE_MODE, read_private, write_file
from shoal_certs.identity import Identity

RECORD_BYTES_MAX = 32 * 1024


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One certificate, as its authority remembers it."""

    serial: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    identity: str
    hosts: list[str]
    not_before: Annotated[datetime, msgspec.Meta(tz=True)]
    not_after: Annotated[datetime, msgspec.Meta(tz=True)]
    key_fingerprint: str
    certificate: str

    @classmethod
    def of(cls, wish: Wish, certificate: Certificate) -> "Record":
        """The record of a certificate that was signed for `wish`."""
        return cls(
            serial=serial_hex(certificate.serial_number),
            identity=wish.identity.uri,
            hosts=[*wish.dns_names, *map(str, wish.addresses)],
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            key_fingerprint=key_fingerprint_of(certificate),
            certificate=pem_of([certificate]).decode(),
        )

    @property
    def serial_number(self) -> int:
        """The serial as revocation lists hold it."""
        return int(self.serial, 16)

    @property
    def who(self) -> Identity:
        """Whom the certificate names."""
        return Identity.parse(self.identity)


class RecordShelf:
    """All records of one authority, a file each, named by serial."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, record: Record) -> None:
        """Remember a certificate; a serial that is there already is a defect, never overwritten."""
        path = self._folder / f"{record.serial}.json"
        assert not path.exists(), f"serial {record.serial} was drawn twice"
        write_file(path, msgspec.json.format(msgspec.json.encode(record)), PRIVATE_MODE)

    def all(self) -> list[Record]:
        """Every record, oldest first."""
        found = (self._read(path) for path in self._folder.glob("*.json"))
        return sorted(found, key=lambda record: (record.not_before, record.serial))

    def holds(self, serial: int) -> bool:
        """Whether this serial was ever used."""
        return (self._folder / f"{serial_hex(serial)}.json").exists()

    def _read(self, path: Path) -> Record:
        try:
            record = msgspec.json.decode(read_private(path, RECORD_BYTES_MAX), type=Record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise PlaceRefused(
                f"{path} is not a record of ours ({problem}); restore it from a backup of the authority."
            ) from problem
        if f"{record.serial}.json" != path.name:
            raise PlaceRefused(f"{path} tells of serial {record.serial}; restore it from a backup of the authority.")
        return record


def live_records(records: Iterable[Record], revoked: Iterable[int], now: datetime) -> list[Record]:
    """The records whose certificates still hold."""
    gone = set(revoked)
    return [record for record in records if record.not_after > now and record.serial_number not in gone]
