"""A list is believed for its signature and its number, and never exchanged for an older or a second one."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from shoal_certs.authority import new_serial
from shoal_certs.profile import crl_extensions
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.revocation import CRL_BYTES_MAX, RevocationList
from tests.workshop import DAY, HOUR, Workshop

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SHOP = Workshop.open(NOW)
SERIAL = new_serial()


def listed(number: int, *serials: int, now: datetime = NOW) -> RevocationList:
    return RevocationList.read(SHOP.crl(*serials, number=number, now=now), "a list")


def odd_list(*extensions: x509.ExtensionType, number: bool = True, serial: int = 7) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder().issuer_name(SHOP.issuing.certificate.subject)
    builder = builder.last_update(NOW).next_update(NOW + DAY)
    line = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
    builder = builder.add_revoked_certificate(line)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if number:
        for one in crl_extensions(1, SHOP.issuing.public_key):
            builder = builder.add_extension(one.value, one.critical)
    return builder.sign(SHOP.issuing.key, hashes.SHA256())


def reason_for(der: bytes) -> Reason:
    with pytest.raises(CertificateRefused) as refusal:
        RevocationList.read(_pem(der), "a list")
    return refusal.value.reason


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(der) + b"-----END X509 CRL-----\n"


def test_a_list_is_read_as_it_was_written() -> None:
    one = listed(3, SERIAL)
    assert (one.number, one.serials) == (3, {SERIAL: NOW})
    assert (one.issued_at, one.ends_at) == (NOW - HOUR, NOW + 90 * DAY)
    one.check_issuer(SHOP.issuing.certificate, "a list")
    one.check_time(NOW, "a list")


@pytest.mark.parametrize(
    ("now", "reason"),
    [(NOW - 2 * HOUR, Reason.CRL_NOT_YET_VALID), (NOW + 91 * DAY, Reason.CRL_EXPIRED)],
)
def test_a_list_speaks_for_its_time(now: datetime, reason: Reason) -> None:
    with pytest.raises(CertificateRefused) as refusal:
        listed(1).check_time(now, "a list")
    assert refusal.value.reason is reason


def test_another_issuers_list_is_refused_even_under_the_same_name() -> None:
    for issuer, reason in (
        (Workshop.open(NOW).issuing.certificate, Reason.CRL_BAD_SIGNATURE),
        (SHOP.root.certificate, Reason.CRL_WRONG_ISSUER),
    ):
        with pytest.raises(CertificateRefused) as refusal:
            listed(1).check_issuer(issuer, "a list")
        assert refusal.value.reason is reason


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=1), 5 * DAY])
def test_a_higher_number_replaces_a_lower_even_within_the_same_second(later: timedelta) -> None:
    listed(2, SERIAL, now=NOW + later).check_replaces(listed(1), "a list")


def test_the_same_list_again_is_no_news() -> None:
    one = listed(2)
    one.check_replaces(one, "a list")
    one.check_replaces(None, "a list")


@pytest.mark.parametrize(
    ("number", "now", "reason"),
    [
        (1, NOW + DAY, Reason.CRL_ROLLED_BACK),
        (3, NOW - DAY, Reason.CRL_ROLLED_BACK),
        (2, NOW, Reason.CRL_EQUIVOCATES),
        (2, NOW + DAY, Reason.CRL_EQUIVOCATES),
    ],
)
def test_there_is_no_way_back_and_no_second_truth(number: int, now: datetime, reason: Reason) -> None:
    with pytest.raises(CertificateRefused) as refusal:
        listed(number, now=now).check_replaces(listed(2, SERIAL), "a list")
    assert refusal.value.reason is reason


def test_a_list_without_number_is_refused() -> None:
    assert reason_for(odd_list(number=False).public_bytes(Encoding.DER)) is Reason.CRL_WITHOUT_NUMBER


def test_an_extension_that_stands_twice_is_refused() -> None:
    first, second = (x509.ObjectIdentifier(f"1.2.3.{at}") for at in (4, 5))
    der = odd_list(
        x509.UnrecognizedExtension(first, b"\x05\x00"), x509.UnrecognizedExtension(second, b"\x05\x00")
    ).public_bytes(Encoding.DER)
    assert reason_for(der.replace(b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04")) is Reason.CRL_MALFORMED


def test_a_line_with_the_serial_nought_is_read_or_refused_and_no_defect() -> None:
    der = odd_list(serial=0x7F).public_bytes(Encoding.DER)
    assert der.count(b"\x02\x01\x7f") == 1
    assert 0 in RevocationList.read(_pem(der.replace(b"\x02\x01\x7f", b"\x02\x01\x00")), "a list").serials


def test_an_issuer_that_is_no_name_is_refused() -> None:
    der = odd_list().public_bytes(Encoding.DER)
    name = SHOP.issuing.certificate.subject.rfc4514_string().removeprefix("CN=").encode()
    assert reason_for(der.replace(name, b"\xff" * len(name), 1)) is Reason.CRL_MALFORMED


def test_a_list_that_is_too_large_is_not_parsed() -> None:
    with pytest.raises(CertificateRefused, match=f"at most {CRL_BYTES_MAX}"):
        RevocationList.read(b"-" * (CRL_BYTES_MAX + 1), "a list")
