"""A signature holds for one key, one purpose and one string of bytes, and has one encoding."""

from dataclasses import replace

import pytest

from shoal_certs.keys import new_key
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.signing import _CURVE_ORDER, Signer, verify

KEY = new_key()
DOMAIN, DATA = "shoal/manifest/v1", b"what was learned"
SIGNATURE = Signer(KEY).sign(DOMAIN, DATA)


def refused(domain: str = DOMAIN, data: bytes = DATA, signature: bytes = SIGNATURE) -> bool:
    try:
        verify(KEY.public_key(), domain, data, signature)
    except CertificateRefused as refusal:
        return refusal.reason is Reason.SIGNATURE_INVALID
    return False


def test_a_signature_verifies() -> None:
    verify(KEY.public_key(), DOMAIN, DATA, SIGNATURE)


def test_the_same_words_are_signed_with_the_same_bytes() -> None:
    assert Signer(KEY).sign(DOMAIN, DATA) == SIGNATURE
    assert Signer(KEY).sign(DOMAIN, DATA + b"!") != SIGNATURE


def test_what_was_said_for_one_purpose_cannot_be_shown_for_another() -> None:
    assert refused(domain="shoal/result/v1")
    assert refused(domain=DOMAIN[:-1], data=b"1" + DATA)
    assert refused(domain=DOMAIN + "w", data=DATA[1:])


def test_another_keys_signature_is_refused() -> None:
    assert refused(signature=replace(Signer(KEY), key=new_key()).sign(DOMAIN, DATA))


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_another_length_is_refused(length: int) -> None:
    assert refused(signature=(SIGNATURE * 3)[:length])


def test_the_second_encoding_of_the_same_signature_is_refused() -> None:
    s = int.from_bytes(SIGNATURE[32:])
    assert s <= _CURVE_ORDER // 2
    assert refused(signature=SIGNATURE[:32] + (_CURVE_ORDER - s).to_bytes(32))


@pytest.mark.parametrize("r", [0, _CURVE_ORDER, 2**256 - 1])
def test_numbers_out_of_range_are_refused(r: int) -> None:
    assert refused(signature=r.to_bytes(32) + SIGNATURE[32:])
    assert refused(signature=SIGNATURE[:32] + r.to_bytes(32))


def test_every_changed_bit_is_noticed() -> None:
    for at in range(0, 512, 7):
        changed = bytearray(SIGNATURE)
        changed[at // 8] ^= 1 << at % 8
        assert refused(signature=bytes(changed)), at


def test_signatures_spread_over_the_lower_half_only() -> None:
    signer = Signer(KEY)
    assert all(int.from_bytes(signer.sign(DOMAIN, bytes([at]))[32:]) <= _CURVE_ORDER // 2 for at in range(40))


def test_a_signer_does_not_print_its_key() -> None:
    assert "PRIVATE" not in repr(Signer(KEY))
