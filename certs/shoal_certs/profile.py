"""What our certificates look like: the extensions and lifetimes of root, issuing certificate, leaf and CRL.

Pure: names and public keys in, extensions out. The validator refuses every certificate that differs from
what stands here, so this file and `leaf_rules.py` are two sides of one agreement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shoal_certs.identity import Identity

CURVE = ec.SECP256R1()
SERIAL_BITS = 128

BACKDATE = timedelta(hours=1)
"""Certificates and lists start an hour before they are made: a party whose clock is behind must not refuse them."""

ROOT_LIFETIME = timedelta(days=3650)
ISSUING_LIFETIME = timedelta(days=365)
LEAF_LIFETIME = timedelta(days=90)
LEAF_LIFETIME_MAX = timedelta(days=366)
CRL_VALIDITY = timedelta(days=90)
"""Long, because until sentinels push lists a person carries them. A list that has ended refuses everybody."""

WARNING_DAYS = (30, 14, 7, 1)
"""How many days before an end `show`, `verify` and the logs begin to speak of it, and speak louder."""

LEAF_PURPOSES = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH})


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension and whether who does not understand it must refuse the certificate."""

    value: x509.ExtensionType
    critical: bool


def common_name(text: str) -> x509.Name:
    """A subject that people read; nothing is decided by it."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def root_extensions(key: ec.EllipticCurvePublicKey) -> list[Extension]:
    """The offline root: may vouch for issuing certificates, and those for leaves only."""
    return [
        Extension(x509.BasicConstraints(ca=True, path_length=1), critical=True),
        Extension(_key_usage(signs_certificates=True), critical=True),
        Extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False),
    ]


def issuing_extensions(
    key: ec.EllipticCurvePublicKey, issuer: ec.EllipticCurvePublicKey, swarm: str
) -> list[Extension]:
    """The swarm's issuing certificate: bound by name to one swarm, with leaves directly below it."""
    return [
        Extension(x509.BasicConstraints(ca=True, path_length=0), critical=True),
        Extension(_key_usage(signs_certificates=True), critical=True),
        Extension(x509.NameConstraints([x509.UniformResourceIdentifier(swarm)], None), critical=True),
        *_key_identifiers(key, issuer),
    ]


def leaf_extensions(
    identity: Identity,
    key: ec.EllipticCurvePublicKey,
    issuer: ec.EllipticCurvePublicKey,
    dns_names: Sequence[str] = (),
    addresses: Sequence[IPv4Address | IPv6Address] = (),
) -> list[Extension]:
    """A party's certificate: one identity, and host names only so that other tools can check hosts."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(identity.uri)]
    names += [x509.DNSName(name) for name in dns_names]
    names += [x509.IPAddress(address) for address in addresses]
    return [
        Extension(x509.BasicConstraints(ca=False, path_length=None), critical=True),
        Extension(_key_usage(signs_certificates=False), critical=True),
        Extension(x509.ExtendedKeyUsage(sorted(LEAF_PURPOSES, key=lambda oid: oid.dotted_string)), critical=False),
        Extension(x509.SubjectAlternativeName(names), critical=False),
        *_key_identifiers(key, issuer),
    ]


def crl_extensions(number: int, issuer: ec.EllipticCurvePublicKey) -> list[Extension]:
    """A revocation list: numbered, so that an older one cannot pass for a newer."""
    return [
        Extension(x509.CRLNumber(number), critical=False),
        Extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False),
    ]


def _key_identifiers(key: ec.EllipticCurvePublicKey, issuer: ec.EllipticCurvePublicKey) -> list[Extension]:
    return [
        Extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False),
        Extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False),
    ]


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
