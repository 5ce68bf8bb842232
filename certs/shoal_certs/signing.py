"""Signatures over bytes: who said this, for what purpose.

A signature always covers its domain ("shoal/manifest/v1", say), so that what was signed for one purpose can
never be shown for another. There is one valid encoding of each: 64 bytes, r and s, with s in the lower half.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from shoal_certs.keys import PrivateKey, PublicKey
from shoal_certs.reasons import CertificateRefused, Reason

SIGNATURE_BYTES: Final = 64
DOMAIN_BYTES_MAX: Final = 255
_HALF: Final = 32
_CURVE_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_PREFIX: Final = b"shoal signature v1\n"
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())


def _deterministic() -> ec.ECDSA:
    """Signatures without randomness (RFC 6979) where the library's OpenSSL has them: same bytes, same signature."""
    try:
        return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        return _ALGORITHM


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """Signs with the key of one identity."""

    key: PrivateKey

    def sign(self, domain: str, data: bytes) -> bytes:
        """The signature of `data`, said for the purpose `domain`."""
        r, s = decode_dss_signature(self.key.sign(_message(domain, data), _deterministic()))
        return r.to_bytes(_HALF) + min(s, _CURVE_ORDER - s).to_bytes(_HALF)


def verify(key: PublicKey, domain: str, data: bytes, signature: bytes) -> None:
    """Refuse unless `signature` is this key's, over this domain and these bytes, in its one encoding."""
    about = f"the signature for {domain}"
    if len(signature) != SIGNATURE_BYTES:
        raise CertificateRefused(Reason.SIGNATURE_INVALID, about, f"{len(signature)} bytes instead of 64")
    r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
    if not 0 < r < _CURVE_ORDER or not 0 < s <= _CURVE_ORDER // 2:
        raise CertificateRefused(Reason.SIGNATURE_INVALID, about, "its numbers are out of range")
    try:
        key.verify(encode_dss_signature(r, s), _message(domain, data), _ALGORITHM)
    except InvalidSignature as problem:
        raise CertificateRefused(Reason.SIGNATURE_INVALID, about) from problem


def _message(domain: str, data: bytes) -> bytes:
    name = domain.encode()
    assert 0 < len(name) <= DOMAIN_BYTES_MAX, "domains are constants of ours"
    return _PREFIX + len(name).to_bytes(1) + name + data
