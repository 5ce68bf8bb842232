"""What a leaf must look like, as questions asked in order: the first broken one is the reason it is refused.

The other side of `profile.py`. Pure: the certificate and the time are all that is looked at.
"""

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from shoal_certs.certificates import Certificate, extension_of, p256_key_of
from shoal_certs.identity import Identity
from shoal_certs.profile import LEAF_LIFETIME_MAX, LEAF_PURPOSES
from shoal_certs.reasons import CertificateRefused, Reason

Question = Callable[[Certificate, str], None]

_UNDERSTOOD: tuple[type[x509.ExtensionType], ...] = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
    x509.NameConstraints,
)


def check_leaf(leaf: Certificate, about: str, now: datetime) -> Identity:
    """The identity that a well-made leaf carries; whoever calls has checked who signed it."""
    for question in (
        check_critical_extensions,
        check_signature_kind,
        _check_constraints,
        _check_key_usage,
        _check_purpose,
        _check_lifetime,
        check_key_identifiers,
    ):
        question(leaf, about)
    p256_key_of(leaf, about)
    check_time(leaf, about, now, early=Reason.NOT_YET_VALID, late=Reason.EXPIRED)
    return identity_of(leaf, about)


def identity_of(leaf: Certificate, about: str) -> Identity:
    """Who the leaf says it is: exactly one URI, and host names beside it at most."""
    names = extension_of(leaf, x509.SubjectAlternativeName)
    if names is None:
        raise CertificateRefused(Reason.NO_IDENTITY, about)
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    if not uris:
        raise CertificateRefused(Reason.NO_IDENTITY, about)
    if len(uris) > 1:
        raise CertificateRefused(Reason.SEVERAL_IDENTITIES, about, ", ".join(ascii(uri) for uri in uris[:4]))
    allowed = (x509.UniformResourceIdentifier, x509.DNSName, x509.IPAddress)
    others = [name for name in names.value if not isinstance(name, allowed)]
    if others:
        raise CertificateRefused(Reason.UNEXPECTED_NAME, about, type(others[0]).__name__)
    return Identity.parse(uris[0])


def check_critical_extensions(certificate: Certificate, about: str) -> None:
    """Refuse what the issuer wanted refused by all who don't understand it."""
    for extension in certificate.extensions:
        if extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            raise CertificateRefused(Reason.UNKNOWN_CRITICAL_EXTENSION, about, extension.oid.dotted_string)


def check_signature_kind(certificate: Certificate, about: str) -> None:
    """One signature algorithm for all: ECDSA with SHA-256."""
    oid = certificate.signature_algorithm_oid
    if oid != x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise CertificateRefused(Reason.WRONG_SIGNATURE_KIND, about, oid.dotted_string)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256), "the object identifier says so"


def check_key_identifiers(certificate: Certificate, about: str) -> None:
    """Both key identifiers, as strict checkers of other makes ask for."""
    for kind in (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier):
        if extension_of(certificate, kind) is None:
            raise CertificateRefused(Reason.MISSING_KEY_IDENTIFIER, about)


def check_time(certificate: Certificate, about: str, now: datetime, *, early: Reason, late: Reason) -> None:
    """Refuse before its first and after its last second."""
    if now < certificate.not_valid_before_utc:
        raise CertificateRefused(early, about, f"valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC")
    if now > certificate.not_valid_after_utc:
        raise CertificateRefused(late, about, f"valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC")


def _check_constraints(leaf: Certificate, about: str) -> None:
    constraints = extension_of(leaf, x509.BasicConstraints)
    if constraints is None or not constraints.critical:
        raise CertificateRefused(Reason.BASIC_CONSTRAINTS_MISSING, about)
    if constraints.value.ca:
        raise CertificateRefused(Reason.LEAF_IS_AUTHORITY, about)


def _check_key_usage(leaf: Certificate, about: str) -> None:
    usage = extension_of(leaf, x509.KeyUsage)
    if usage is None or not usage.critical:
        raise CertificateRefused(Reason.KEY_USAGE_MISSING, about)
    if usage.value.key_cert_sign:
        raise CertificateRefused(Reason.LEAF_MAY_SIGN_CERTIFICATES, about)
    if usage.value.crl_sign:
        raise CertificateRefused(Reason.LEAF_MAY_SIGN_CRLS, about)
    others = (
        usage.value.content_commitment,
        usage.value.key_encipherment,
        usage.value.data_encipherment,
        usage.value.key_agreement,
    )
    if not usage.value.digital_signature or any(others):
        raise CertificateRefused(Reason.WRONG_KEY_USAGE, about)


def _check_purpose(leaf: Certificate, about: str) -> None:
    purpose = extension_of(leaf, x509.ExtendedKeyUsage)
    named = frozenset(purpose.value) if purpose else frozenset()
    if not named >= LEAF_PURPOSES:
        raise CertificateRefused(Reason.PURPOSE_MISSING, about)
    if named > LEAF_PURPOSES:
        raise CertificateRefused(Reason.PURPOSE_UNEXPECTED, about)


def _check_lifetime(leaf: Certificate, about: str) -> None:
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    if lifetime > LEAF_LIFETIME_MAX:
        raise CertificateRefused(Reason.LIFETIME_TOO_LONG, about, f"{lifetime.days} days")
