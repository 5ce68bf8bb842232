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
from shoal_certs.credentials import BUNDLE_FILE, CAPATH, CERT_FILE, CRL_FILE, CredentialFiles
from shoal_certs.files import read_public
from shoal_certs.identity_folder import identity_folders
from shoal_certs.leaf_rules import identity_of
from shoal_certs.reasons import CertificateRefused
from shoal_certs.records import Record
from shoal_certs.revocation import CRL_BYTES_MAX, RevocationList, is_revocation_list


@dataclass(slots=True)
class Inventory:
    """Lines for a person and the same facts for a program."""

    lines: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)


def take_inventory(path: Path, now: datetime) -> Inventory:
    """List what is at `path`: a swarm's folder, an identity's, or one PEM file."""
    found = Inventory()
    revoked = _describe_lists(path, found, now)
    if _is_list(path):
        return found
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
    chain = read_chain(read_public(file, BUNDLE_BYTES_MAX), str(file))
    if not chain:
        raise InputRefused(f"{file} holds no certificate.")
    first = read_certificate(chain[0], str(file))
    ends, state = first.not_valid_after_utc, _state_of(first, revoked, now)
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
    folder = path if path.is_dir() else path.parent
    candidates = [folder / CRL_FILE, folder / CAPATH / CRL_FILE, CredentialFiles.in_folder(folder).capath / CRL_FILE]
    place = path if _is_list(path) else next((one for one in candidates if one.is_file()), None)
    if place is None:
        return frozenset()
    one = RevocationList.read(read_public(place, CRL_BYTES_MAX), str(place))
    entries, ends = len(one.serials), one.ends_at
    found.facts["crl"] = {"file": str(place), "number": one.number, "not_after": ends, "entries": entries}
    found.lines += [
        f"Revocation list number {one.number}  ({place})",
        f"    {entries} revoked, until {ends:%Y-%m-%d %H:%M} UTC ({(ends - now).days} days left)",
    ]
    if path == place:
        found.lines += [f"revoked {serial_hex(serial)}  on {at:%Y-%m-%d}" for serial, at in sorted(one.serials.items())]
    return frozenset(one.serials)


def _is_list(path: Path) -> bool:
    return path.is_file() and is_revocation_list(read_public(path, CRL_BYTES_MAX))


def _describe_record(record: Record, found: Inventory, revoked: frozenset[int]) -> dict[str, object]:
    gone = record.serial_number in revoked
    found.lines.append(
        f"issued {record.serial}  {record.identity}  until {record.not_after:%Y-%m-%d}{'  revoked' if gone else ''}"
    )
    return {"serial": record.serial, "identity": record.identity, "not_after": record.not_after, "revoked": gone}


def _state_of(certificate: Certificate, revoked: frozenset[int], now: datetime) -> str:
    days = (certificate.not_valid_after_utc - now).days
    if certificate.serial_number in revoked:
        return "revoked"
    return f"{days} days left" if days >= 0 else f"expired {-days} days ago"


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
