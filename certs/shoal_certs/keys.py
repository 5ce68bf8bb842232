"""Private keys: made here, written as PKCS#8, and opened again with or without a passphrase."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from shoal_certs.profile import CURVE
from shoal_certs.reasons import CertificateRefused, Reason

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

KEY_FILE_BYTES_MAX = 16 * 1024


def new_key() -> PrivateKey:
    """A fresh P-256 key from the operating system's randomness."""
    return ec.generate_private_key(CURVE)


def key_pem(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    """The key as PKCS#8 PEM, encrypted when there is a passphrase."""
    protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


def read_key(pem: bytes, about: str, passphrase: bytes | None = None) -> PrivateKey:
    """The key in `pem`; anything but a P-256 key that opens with this passphrase is refused."""
    try:
        key = serialization.load_pem_private_key(pem[:KEY_FILE_BYTES_MAX], passphrase)
    except TypeError as locked:
        reason = Reason.WRONG_PASSPHRASE if passphrase == b"" else Reason.KEY_MALFORMED
        raise CertificateRefused(reason, about, str(locked)) from locked
    except (ValueError, UnsupportedAlgorithm) as broken:
        reason = Reason.KEY_MALFORMED if passphrase is None else Reason.WRONG_PASSPHRASE
        raise CertificateRefused(reason, about) from broken
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateRefused(Reason.WRONG_KEY_TYPE, about)
    return key


def public_der(key: PublicKey) -> bytes:
    """The public key as certificates carry it (SubjectPublicKeyInfo)."""
    return key.public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def sha256_hex(data: bytes) -> str:
    """The digest that other tools show for certificates and keys, in hex."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize().hex()


def key_fingerprint(key: PublicKey) -> str:
    """What stays the same when a certificate is renewed with its key."""
    return f"sha256:{sha256_hex(public_der(key))}"
