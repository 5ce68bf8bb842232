"""Revocation lists: read, checked against their issuer, and never exchanged for an older one.

A list is in force until a list with a higher number replaces it. Its dates don't decide that: two lists may
well be made within the same second, and then a date cannot tell which is newer.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from shoal_certs.certificates import Certificate, p256_key_of
from shoal_certs.reasons import CertificateRefused, Reason

_ODD_EXTENSIONS = (x509.DuplicateExtension, x509.UnsupportedGeneralNameType)

CRL_BYTES_MAX = 4 * 1024 * 1024
"""Room for about 90,000 revoked certificates."""

_BEGINNING = b"-----BEGIN X509 CRL-----"


def is_revocation_list(pem: bytes) -> bool:
    """Whether a file means to be a list, whatever `read` then says of it."""
    return pem.lstrip().startswith(_BEGINNING)


@dataclass(frozen=True)
class RevocationList:
    """One list, whose form is good; whether it is to be believed is asked of `check_issuer`."""

    crl: x509.CertificateRevocationList
    number: int

    @classmethod
    def read(cls, pem: bytes, about: str) -> "RevocationList":
        """The list in a PEM file."""
        if len(pem) > CRL_BYTES_MAX:
            raise CertificateRefused(Reason.CRL_MALFORMED, about, f"{len(pem)} bytes, at most {CRL_BYTES_MAX}")
        try:
            crl = x509.load_pem_x509_crl(pem)
            number = _number_of(crl, about)
            if crl.next_update_utc is None:
                raise CertificateRefused(Reason.CRL_MALFORMED, about, "it does not say until when it holds")
            _touch_every_part(crl)
        except (ValueError, TypeError, UnsupportedAlgorithm, *_ODD_EXTENSIONS) as problem:
            raise CertificateRefused(Reason.CRL_MALFORMED, about, str(problem)[:200]) from problem
        return cls(crl, number)

    @property
    def pem(self) -> bytes:
        """The list as files carry it."""
        return self.crl.public_bytes(Encoding.PEM)

    @property
    def issued_at(self) -> datetime:
        """When it says that it was made."""
        return self.crl.last_update_utc

    @property
    def ends_at(self) -> datetime:
        """When it stops to say anything."""
        ends = self.crl.next_update_utc
        assert ends is not None, "read() refuses lists without an end"
        return ends

    @cached_property
    def serials(self) -> dict[int, datetime]:
        """Who is revoked, since when."""
        return {line.serial_number: line.revocation_date_utc for line in self.crl}

    def is_from(self, issuer: Certificate) -> bool:
        """Whether it claims to come from this issuer."""
        return self.crl.issuer == issuer.subject

    def check_issuer(self, issuer: Certificate, about: str) -> None:
        """Refuse a list that this issuer did not sign."""
        if not self.is_from(issuer):
            raise CertificateRefused(Reason.CRL_WRONG_ISSUER, about)
        try:
            genuine = self.crl.is_signature_valid(p256_key_of(issuer, about))
        except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
            raise CertificateRefused(Reason.CRL_BAD_SIGNATURE, about) from problem
        if not genuine:
            raise CertificateRefused(Reason.CRL_BAD_SIGNATURE, about)

    def check_time(self, now: datetime, about: str) -> None:
        """Refuse a list that does not speak for `now`."""
        if now < self.issued_at:
            raise CertificateRefused(Reason.CRL_NOT_YET_VALID, about)
        if now > self.ends_at:
            raise CertificateRefused(Reason.CRL_EXPIRED, about, f"it ended {self.ends_at:%Y-%m-%d %H:%M:%S} UTC")

    def check_replaces(self, current: "RevocationList | None", about: str) -> None:
        """Refuse to go back to an older list, or to a second one under the same number."""
        if current is None or self.pem == current.pem:
            return
        if self.number < current.number or (self.number > current.number and self.issued_at < current.issued_at):
            detail = f"number {self.number}, in force is {current.number}"
            raise CertificateRefused(Reason.CRL_ROLLED_BACK, about, detail)
        if self.number == current.number:
            raise CertificateRefused(Reason.CRL_EQUIVOCATES, about, f"number {self.number}")


def _touch_every_part(crl: x509.CertificateRevocationList) -> None:
    parts: list[object] = [crl.issuer, crl.last_update_utc, crl.signature]
    for line in crl:
        parts += [line.serial_number, line.revocation_date_utc]
    assert None not in parts, "the parser answers or raises"


def _number_of(crl: x509.CertificateRevocationList, about: str) -> int:
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound as missing:
        raise CertificateRefused(Reason.CRL_WITHOUT_NUMBER, about) from missing
