"""What an authority does when somebody asks: issue, approve, renew, revoke. Each is one function, and whole.

The order inside each is always the same: refuse what is to be refused, sign in memory, write what lies
ready, remember, and only then let it take effect.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.authority import Wish, new_serial
from shoal_certs.authority_folder import AUTHORITY, OpenAuthority
from shoal_certs.certificates import BUNDLE_BYTES_MAX, Certificate, pem_of, read_certificate, read_chain, serial_hex
from shoal_certs.credentials import BUNDLE_FILE, CAPATH, CredentialFiles, key_for
from shoal_certs.files import read_public
from shoal_certs.identity import Identity, Role
from shoal_certs.identity_folder import place_new_identity, place_renewal
from shoal_certs.keys import PublicKey, key_fingerprint, new_key
from shoal_certs.leaf_rules import identity_of
from shoal_certs.profile import LEAF_LIFETIME
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.records import Record, live_records
from shoal_certs.requests import Request, write_response


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that took effect, and where."""

    identity: Identity
    certificate: Certificate
    place: Path


def issue(office: OpenAuthority, wish: Wish, now: datetime, *, replace: bool = False) -> Issued:
    """A new identity with its key, in a folder of its name; `replace` revokes the one that had the name."""
    if wish.identity.name in (AUTHORITY, CAPATH):
        raise InputRefused(f"{wish.identity.name!r} is what a folder of the authority is called; choose another name.")
    live = _live_of_name(office, wish.identity, now)
    if live and not replace:
        raise InputRefused(
            f"{wish.identity} has a certificate until {live[-1].not_after:%Y-%m-%d}; renew it with `shoal certs renew "
            f"{wish.identity.name}`, or say --replace to revoke it and issue another."
        )
    folder = office.places.root / wish.identity.name
    if folder.exists():
        raise PlaceRefused(f"{folder} is there already; move it away first, or renew what is in it.")
    if live:
        office.revoke([record.serial_number for record in live], now)
    key = new_key()
    certificate, record = _sign(office, wish, key.public_key(), now)
    place_new_identity(folder, key, _chain_pem(office, certificate), lambda: office.records.add(record))
    return Issued(wish.identity, certificate, folder)


def renew(
    office: OpenAuthority, name: str, now: datetime, *, lifetime: timedelta = LEAF_LIFETIME, same_key: bool = False
) -> Issued:
    """A fresh certificate for an identity that lies beside the authority, with a fresh key unless told otherwise."""
    Identity(office.authority.swarm, Role.NODE, name)  # refuses what is no name, so no path leads elsewhere
    folder = office.places.root / name
    files = CredentialFiles.in_folder(folder)
    leaf = read_certificate(read_chain(read_public(files.cert, BUNDLE_BYTES_MAX), str(files.cert))[0], str(files.cert))
    identity = identity_of(leaf, str(files.cert))
    known = [record for record in office.records.all() if record.serial_number == leaf.serial_number]
    if not known:
        raise CertificateRefused(Reason.WRONG_AUTHORITY, str(files.cert), "this authority has no record of it")
    if leaf.serial_number in office.revocation_list.serials:
        raise CertificateRefused(Reason.REVOKED, str(files.cert), "issue a new one with `shoal certs issue --replace`")
    key = key_for(leaf, files) if same_key else new_key()
    wish = Wish.for_hosts(identity, known[-1].hosts, lifetime)
    certificate, record = _sign(office, wish, key.public_key(), now)
    place_renewal(folder, key, _chain_pem(office, certificate), lambda: office.records.add(record))
    return Issued(identity, certificate, folder)


def approve(office: OpenAuthority, request: Request, wish: Wish, now: datetime, *, renewal: bool = False) -> bytes:
    """The answer to a request. The same request gets the same answer again, should the first have been lost."""
    live = _live_of_name(office, wish.identity, now)
    same_key = [one for one in office.records.all() if one.key_fingerprint == key_fingerprint(request.key)]
    if same_key and same_key[-1] not in live:
        raise CertificateRefused(Reason.KEY_REUSED, request.wanted.uri, f"serial {same_key[-1].serial}")
    if same_key:
        return _answer(office, _certificate_of(same_key[-1]))
    if live and not renewal:
        raise InputRefused(
            f"{wish.identity} has a certificate until {live[-1].not_after:%Y-%m-%d}; say --renewal if this request is "
            "from the same party, or choose another name."
        )
    certificate, record = _sign(office, wish, request.key, now)
    office.records.add(record)
    return _answer(office, certificate)


def revoke(office: OpenAuthority, wanted: str, now: datetime) -> list[Record]:
    """Revoke every live certificate of a name, or the one with a serial; the new list is published at once."""
    records = office.records.all()
    matching = [record for record in records if wanted.lower() in (record.serial, record.who.name)]
    if not matching:
        raise InputRefused(
            f"{wanted!r} is neither a name nor a serial of this authority; `shoal certs show` lists them."
        )
    live = live_records(matching, office.revocation_list.serials, now)
    office.revoke([record.serial_number for record in live], now)
    return live


def _live_of_name(office: OpenAuthority, identity: Identity, now: datetime) -> list[Record]:
    live = live_records(office.records.all(), office.revocation_list.serials, now)
    namesakes = [record for record in live if record.who.name == identity.name]
    others = [record for record in namesakes if record.who != identity]
    if others:
        raise InputRefused(f"The name {identity.name!r} belongs to {others[-1].identity}; one name has one role.")
    return namesakes


def _sign(office: OpenAuthority, wish: Wish, key: PublicKey, now: datetime) -> tuple[Certificate, Record]:
    certificate = office.authority.issue(wish, key, now, new_serial())
    return certificate, Record.of(wish, certificate)


def _chain_pem(office: OpenAuthority, certificate: Certificate) -> bytes:
    return pem_of([certificate, *office.authority.chain])


def _answer(office: OpenAuthority, certificate: Certificate) -> bytes:
    bundle = read_public(office.places.capath / BUNDLE_FILE, BUNDLE_BYTES_MAX)
    chain = [certificate, *office.authority.chain]
    return write_response(office.authority.swarm, chain, bundle, office.revocation_list.pem)


def _certificate_of(record: Record) -> Certificate:
    about = f"record {record.serial}"
    found = read_certificate(read_chain(record.certificate.encode(), about)[0], about)
    assert serial_hex(found.serial_number) == record.serial, "a record holds its own certificate"
    return found
