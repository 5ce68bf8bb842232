"""The authority of a swarm, in memory: a root, its issuing certificate, and what it signs. Files are elsewhere.

The root vouches for the issuing certificate and then goes offline; the issuing certificate vouches for
parties and signs the revocation list. Time and serial numbers come from the caller.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from shoal_base.errors import InputRefused
from shoal_certs.certificates import Certificate, p256_key_of
from shoal_certs.identity import Identity
from shoal_certs.keys import PrivateKey, PublicKey, new_key
from shoal_certs.profile import (
    BACKDATE,
    CRL_VALIDITY,
    ISSUING_LIFETIME,
    LEAF_LIFETIME,
    LEAF_LIFETIME_MAX,
    ROOT_LIFETIME,
    SERIAL_BITS,
    Extension,
    common_name,
    crl_extensions,
    issuing_extensions,
    leaf_extensions,
    root_extensions,
)

Address = IPv4Address | IPv6Address

HOSTS_MAX = 32
"""With more, certificate and record could outgrow what we read back."""

_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")


def new_serial() -> int:
    """128 random bits with the first one set, so that every serial has the same length and none is ever reused."""
    return secrets.randbits(SERIAL_BITS - 1) | 1 << (SERIAL_BITS - 1)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate that may sign others, with its key."""

    certificate: Certificate
    key: PrivateKey

    @property
    def public_key(self) -> PublicKey:
        """The key that its signatures verify with."""
        return self.key.public_key()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a leaf is to say, as the authority decided it; a request never decides any of this."""

    identity: Identity
    dns_names: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    lifetime: timedelta = LEAF_LIFETIME

    @classmethod
    def for_hosts(cls, identity: Identity, hosts: Iterable[str], lifetime: timedelta = LEAF_LIFETIME) -> Self:
        """A wish from host names and addresses as people write them, in one list; a longer life is cut to the limit."""
        hosts = list(hosts)
        if len(hosts) > HOSTS_MAX:
            raise InputRefused(f"{len(hosts)} hosts are named; a certificate has room for {HOSTS_MAX}.")
        names: dict[str, None] = {}
        addresses: dict[Address, None] = {}
        for host in hosts:
            try:
                addresses[ip_address(host)] = None
            except ValueError:
                names[_host_name(host)] = None
        return cls(identity, tuple(names), tuple(addresses), min(lifetime, LEAF_LIFETIME_MAX - BACKDATE))


@dataclass(frozen=True, slots=True)
class Revocation:
    """One line of a revocation list."""

    serial: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """What signs for one swarm."""

    swarm: str
    root: Certificate
    issuing: Issuer

    @classmethod
    def create(cls, swarm: str, now: datetime) -> tuple[Self, Issuer]:
        """A new authority, and its root with the key that belongs offline."""
        root = new_root(swarm, now)
        return cls(swarm, root.certificate, new_issuing(swarm, root, new_key(), now)), root

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """What stands above every leaf and is sent along with it; the root is not, everybody has it."""
        return (self.issuing.certificate,)

    def issue(self, wish: Wish, key: PublicKey, now: datetime, serial: int) -> Certificate:
        """A leaf for `wish`; it never outlives the certificate that vouches for it."""
        assert wish.identity.swarm == self.swarm, f"{wish.identity} is not of {self.swarm}"
        assert timedelta(0) < wish.lifetime <= LEAF_LIFETIME_MAX - BACKDATE, "checked where it is typed"
        _refuse_ended(self.issuing.certificate, now, "issuing certificate", "renew it: shoal certs renew --issuing")
        extensions = leaf_extensions(wish.identity, key, self.issuing.public_key, wish.dns_names, wish.addresses)
        ends = min(now + wish.lifetime, self.issuing.certificate.not_valid_after_utc)
        return _sign(self.issuing, wish.identity.name, key, extensions, serial=serial, now=now, ends=ends)

    def revocation_list(
        self, number: int, revoked: Iterable[Revocation], now: datetime, validity: timedelta = CRL_VALIDITY
    ) -> x509.CertificateRevocationList:
        """A list that replaces every list with a lower number."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.issuing.certificate.subject)
            .last_update(now - BACKDATE)
            .next_update(now + validity)
        )
        for extension in crl_extensions(number, self.issuing.public_key):
            builder = builder.add_extension(extension.value, extension.critical)
        for line in sorted(revoked, key=lambda line: line.serial):
            builder = builder.add_revoked_certificate(_crl_line(line))
        return builder.sign(self.issuing.key, hashes.SHA256())


def new_root(swarm: str, now: datetime) -> Issuer:
    """A self-signed root."""
    key = new_key()
    name = f"{swarm} root"
    certificate = _sign(
        None, name, key.public_key(), root_extensions(key.public_key()), now=now, ends=now + ROOT_LIFETIME, own_key=key
    )
    return Issuer(certificate, key)


def new_issuing(swarm: str, root: Issuer, key: PrivateKey, now: datetime) -> Issuer:
    """An issuing certificate for `key`; renewed with the same key, its leaves and lists go on to verify."""
    _refuse_ended(root.certificate, now, "root", "make a new authority and hand on its bundle")
    extensions = issuing_extensions(key.public_key(), root.public_key, swarm)
    ends = min(now + ISSUING_LIFETIME, root.certificate.not_valid_after_utc)
    return Issuer(_sign(root, f"{swarm} issuing", key.public_key(), extensions, now=now, ends=ends), key)


def same_key(certificate: Certificate, key: PublicKey) -> bool:
    """Whether the certificate is for this key."""
    return p256_key_of(certificate, "a certificate").public_numbers() == key.public_numbers()


def _refuse_ended(certificate: Certificate, now: datetime, what: str, mend: str) -> None:
    if now >= certificate.not_valid_after_utc:
        raise InputRefused(f"The authority's {what} ended on {certificate.not_valid_after_utc:%Y-%m-%d}; {mend}.")


def _sign(
    issuer: Issuer | None,
    subject: str,
    key: PublicKey,
    extensions: Sequence[Extension],
    *,
    now: datetime,
    ends: datetime,
    serial: int | None = None,
    own_key: PrivateKey | None = None,
) -> Certificate:
    signing_key = issuer.key if issuer else own_key
    assert signing_key is not None, "a certificate is signed by its issuer or by itself"
    builder = (
        x509.CertificateBuilder()
        .subject_name(common_name(subject))
        .issuer_name(issuer.certificate.subject if issuer else common_name(subject))
        .public_key(key)
        .serial_number(new_serial() if serial is None else serial)
        .not_valid_before(now - BACKDATE)
        .not_valid_after(ends)
    )
    for extension in extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(signing_key, hashes.SHA256())


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise InputRefused(f"{text[:260]!r} is neither an IP address nor a host name of a-z, 0-9, hyphens and dots.")
    return text


def _crl_line(line: Revocation) -> x509.RevokedCertificate:
    return x509.RevokedCertificateBuilder().serial_number(line.serial).revocation_date(line.at).build()
