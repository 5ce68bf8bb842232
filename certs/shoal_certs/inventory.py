"""What lies in a folder or file of ours, without judging it: `verify` judges."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from shoal_base.errors import InputRefused
from shoal_certs.authority_folder import AUTHORITY, AuthorityPlaces
from shoal_certs.certificates import (
    BUNDLE_BYTES_MAX,
    Certificate,
    extension_of,
    fingerprint,
    key_fingerprint_of,
    read_certificate,
    read_chain,
    serial_hex,
)
from shoal_certs.credentials import BUNDLE_FILE, CERT_FILE, CRL_FILE, CredentialFiles
from shoal_certs.files import read_public
from shoal_certs.identity_folder import identity_folders
from shoal_certs.leaf_rules import identity_of
from shoal_certs.reasons import CertificateRefused
from shoal_certs.records import Record
from shoal_certs.revocation import CRL_BYTES_MAX, RevocationList


@dataclass(slots=True)
class Inventory:
    """Lines for a person and the same facts for a program."""

    lines: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)


def take_inventory(path: Path, now: datetime) -> Inventory:
    """List what is at `path`: a swarm's folder, an identity's, or one PEM file."""
    found = Inventory()
    revoked = _describe_lists(path, found, now)
    files = list(_certificate_files(path))
    if not files:
        raise InputRefused(f"{path} holds no certificate; name a swarm's folder, an identity's, or a PEM file.")
    found.facts["certificates"] = [_describe_file(file, found, revoked, now) for file in files]
    if (path / AUTHORITY).is_dir():
        found.facts["issued"] = [_describe_record(one, found, revoked) for one in AuthorityPlaces(path).records.all()]
    return found


def _certificate_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    candidates = [path / AUTHORITY / "root.pem", path / AUTHORITY / "issuing.pem", path / CERT_FILE, path / BUNDLE_FILE]
    candidates += [folder / CERT_FILE for folder in identity_folders(path)]
    yield from (one for one in candidates if one.is_file())


def _describe_file(file: Path, found: Inventory, revoked: frozenset[int], now: datetime) -> dict[str, object]:
    certificates = [
        read_certificate(der, str(file)) for der in read_chain(read_public(file, BUNDLE_BYTES_MAX), str(file))
    ]
    if not certificates:
        raise InputRefused(f"{file} holds no certificate.")
    first = certificates[0]
    ends = first.not_valid_after_utc
    days = (ends - now).days
    state = (
        "revoked"
        if first.serial_number in revoked
        else f"expired {-days} days ago"
        if ends < now
        else f"{days} days left"
    )
    facts: dict[str, object] = {
        "file": str(file),
        "name": _name_of(first),
        "hosts": _hosts_of(first),
        "serial": serial_hex(first.serial_number),
        "not_before": first.not_valid_before_utc,
        "not_after": ends,
        "state": state,
        "fingerprint": fingerprint(first),
        "key_fingerprint": key_fingerprint_of(first),
    }
    found.lines += [
        f"{facts['name']}  ({file})",
        f"    until {ends:%Y-%m-%d %H:%M} UTC ({state}), serial {facts['serial']}",
        f"    certificate {facts['fingerprint']}",
        f"    key         {facts['key_fingerprint']}",
    ]
    if facts["hosts"]:
        found.lines.append(f"    hosts       {', '.join(_hosts_of(first))}")
    return facts


def _describe_lists(path: Path, found: Inventory, now: datetime) -> frozenset[int]:
    place = (path if path.is_dir() else path.parent) / CRL_FILE
    if not place.is_file():
        place = (
            CredentialFiles.in_folder(path).capath / CRL_FILE
            if (path / CERT_FILE).is_file()
            else path / "capath" / CRL_FILE
        )
    if not place.is_file():
        return frozenset()
    one = RevocationList.read(read_public(place, CRL_BYTES_MAX), str(place))
    days = (one.ends_at - now).days
    found.facts["crl"] = {
        "file": str(place),
        "number": one.number,
        "not_after": one.ends_at,
        "entries": len(one.serials),
    }
    found.lines.append(
        f"Revocation list number {one.number}  ({place})\n    {len(one.serials)} revoked, until "
        f"{one.ends_at:%Y-%m-%d %H:%M} UTC ({days} days left)"
    )
    return frozenset(one.serials)


def _describe_record(record: Record, found: Inventory, revoked: frozenset[int]) -> dict[str, object]:
    gone = record.serial_number in revoked
    found.lines.append(
        f"issued {record.serial}  {record.identity}  until {record.not_after:%Y-%m-%d}{'  revoked' if gone else ''}"
    )
    return {"serial": record.serial, "identity": record.identity, "not_after": record.not_after, "revoked": gone}


def _name_of(certificate: Certificate) -> str:
    try:
        return identity_of(certificate, "").uri
    except CertificateRefused:
        return certificate.subject.rfc4514_string()


def _hosts_of(certificate: Certificate) -> list[str]:
    names = extension_of(certificate, x509.SubjectAlternativeName)
    if names is None:
        return []
    dns = names.value.get_values_for_type(x509.DNSName)
    return [*dns, *map(str, names.value.get_values_for_type(x509.IPAddress))]
