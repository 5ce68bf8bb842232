"""Keys are P-256 in PKCS#8, and open with their passphrase only."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shoal_certs.keys import key_fingerprint, key_pem, new_key, read_key
from shoal_certs.reasons import CertificateRefused, Reason

KEY = new_key()
SECRET = b"correct horse battery staple"


def reason_for(pem: bytes, passphrase: bytes | None = None) -> Reason:
    with pytest.raises(CertificateRefused) as refusal:
        read_key(pem, "a key", passphrase)
    return refusal.value.reason


def test_a_key_is_read_back() -> None:
    assert read_key(key_pem(KEY), "a key").private_numbers() == KEY.private_numbers()
    assert b"BEGIN PRIVATE KEY" in key_pem(KEY)


def test_a_locked_key_opens_with_its_passphrase_only() -> None:
    locked = key_pem(KEY, SECRET)
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in locked
    assert read_key(locked, "a key", SECRET).private_numbers() == KEY.private_numbers()
    assert reason_for(locked, b"wrong") is Reason.WRONG_PASSPHRASE
    assert reason_for(locked) is Reason.KEY_MALFORMED
    assert reason_for(locked, b"") is Reason.WRONG_PASSPHRASE


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p-384", "ed25519", "rsa"],
)
def test_another_kind_of_key_is_refused(key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert reason_for(pem) is Reason.WRONG_KEY_TYPE


@pytest.mark.parametrize(
    "pem",
    [b"", b"x", key_pem(KEY)[:-40], b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"],
    ids=["nothing", "letter", "cut", "empty"],
)
def test_what_is_no_key_is_refused(pem: bytes) -> None:
    assert reason_for(pem) is Reason.KEY_MALFORMED


def test_a_fingerprint_belongs_to_the_key() -> None:
    assert key_fingerprint(KEY.public_key()).startswith("sha256:")
    assert key_fingerprint(KEY.public_key()) != key_fingerprint(new_key().public_key())
