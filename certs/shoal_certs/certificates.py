"""X.509 bytes in and out: the only place that parses certificates, and where its library's exceptions stop."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from shoal_certs.keys import PublicKey, key_fingerprint, sha256_hex
from shoal_certs.reasons import CertificateRefused, Reason

Certificate = x509.Certificate

CERTIFICATE_BYTES_MAX = 16 * 1024
CHAIN_LENGTH_MAX = 3
BUNDLE_BYTES_MAX = 64 * 1024
SERIAL_BYTES_MAX = 20

AnyExtension = TypeVar("AnyExtension", bound=x509.ExtensionType)


def read_certificate(der: bytes, about: str) -> Certificate:
    """A certificate whose every extension parses, so that later questions cannot fail on its form."""
    if not der:
        raise CertificateRefused(Reason.NO_CERTIFICATE, about)
    if len(der) > CERTIFICATE_BYTES_MAX:
        raise CertificateRefused(Reason.MALFORMED, about, f"{len(der)} bytes, at most {CERTIFICATE_BYTES_MAX}")
    try:
        certificate = x509.load_der_x509_certificate(der)
        _touch_every_part(certificate)
    except x509.InvalidVersion as problem:
        raise CertificateRefused(Reason.NOT_VERSION_3, about) from problem
    except x509.DuplicateExtension as problem:
        raise CertificateRefused(Reason.DUPLICATE_EXTENSION, about) from problem
    except CryptographyDeprecationWarning as problem:  # where warnings are errors; elsewhere our own check refuses it
        raise CertificateRefused(Reason.BAD_SERIAL, about) from problem
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.UnsupportedGeneralNameType) as problem:
        raise CertificateRefused(Reason.MALFORMED, about, str(problem)[:200]) from problem
    if certificate.version is not x509.Version.v3:
        raise CertificateRefused(Reason.NOT_VERSION_3, about)
    return certificate


def read_chain(pem: bytes, about: str) -> list[bytes]:
    """The certificates of a PEM file, leaf first, as DER."""
    if len(pem) > BUNDLE_BYTES_MAX:
        raise CertificateRefused(Reason.MALFORMED, about, f"{len(pem)} bytes, at most {BUNDLE_BYTES_MAX}")
    try:
        found = x509.load_pem_x509_certificates(pem)
    except (ValueError, TypeError) as problem:
        raise CertificateRefused(Reason.MALFORMED, about, str(problem)[:200]) from problem
    return [certificate.public_bytes(Encoding.DER) for certificate in found]


def pem_of(certificates: Sequence[Certificate]) -> bytes:
    """The certificates as one PEM file, in this order."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def der_of(certificate: Certificate) -> bytes:
    """The bytes that travel and that fingerprints are taken of."""
    return certificate.public_bytes(Encoding.DER)


def fingerprint(certificate: Certificate) -> str:
    """The SHA-256 that other tools show for a certificate."""
    return f"sha256:{sha256_hex(der_of(certificate))}"


def key_fingerprint_of(certificate: Certificate) -> str:
    """The SHA-256 of the certificate's public key, which survives a renewal with the same key."""
    return key_fingerprint(p256_key_of(certificate, "the certificate"))


def extension_of(certificate: Certificate, kind: type[AnyExtension]) -> x509.Extension[AnyExtension] | None:
    """The extension of this kind, if there is one."""
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def p256_key_of(certificate: Certificate, about: str) -> PublicKey:
    """The certificate's public key, which must be of the one kind that we use."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateRefused(Reason.WRONG_KEY_TYPE, about)
    return key


def serial_hex(serial: int) -> str:
    """A serial number as records and lists name it."""
    return f"{serial:032x}"


def is_current(certificate: Certificate, now: datetime) -> bool:
    """Whether the certificate's lifetime holds `now`."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _touch_every_part(certificate: Certificate) -> None:
    for part in (certificate.extensions, certificate.subject, certificate.issuer, certificate.public_key()):
        assert part is not None, "the parser answers or raises"
    if not 0 < certificate.serial_number < 1 << (8 * SERIAL_BYTES_MAX):
        raise CertificateRefused(Reason.BAD_SERIAL, "a certificate", str(certificate.serial_number))
