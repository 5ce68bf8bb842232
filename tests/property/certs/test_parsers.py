"""Whatever bytes come, parsers answer or refuse with a reason, in bounded time and memory."""

import base64
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shoal_base.errors import PlaceRefused, ShoalError
from shoal_certs.certificates import der_of, read_certificate, read_chain
from shoal_certs.files import PRIVATE_MODE, write_file
from shoal_certs.identity import Identity
from shoal_certs.keys import read_key
from shoal_certs.reasons import CertificateRefused
from shoal_certs.records import RECORD_BYTES_MAX, RecordShelf
from shoal_certs.requests import check_roots, read_request, read_response
from shoal_certs.revocation import RevocationList
from shoal_certs.signing import verify
from shoal_certs.validator import Trust, validate
from tests.property.certs.strategies import (
    BOMBS,
    CHAIN_PEM,
    CRL_PEM,
    KEY,
    KEY_PEM,
    LEAF_DER,
    NOW,
    RECORD,
    REQUEST,
    RESPONSE,
    SHOP,
    changed,
    changed_inside,
    json_like,
)

# What chance makes may have negative serials and the like; the library warns of them and we refuse them.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

SECONDS_MAX = 2.0
BYTES_MAX = 64 * 1024 * 1024
SOME = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pem(label: str) -> Callable[[bytes], bytes]:
    def wrap(der: bytes) -> bytes:
        body = base64.encodebytes(der).decode()
        return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode()

    return wrap


def der_in(data: bytes) -> bytes:
    return base64.b64decode(b"".join(data.split(b"-----")[2].split()))


def answered(parse: Callable[[], object], kind: type[ShoalError] = CertificateRefused) -> bool:
    """Whether it was taken; anything but a typed refusal fails the test."""
    try:
        parse()
    except kind:
        return False
    return True


@contextmanager
def bounded() -> Iterator[None]:
    tracemalloc.start()
    started = time.process_time()
    yield
    spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < SECONDS_MAX
    assert peak < BYTES_MAX


PARSERS: dict[str, Callable[[bytes], object]] = {
    "certificate": lambda data: read_certificate(data, "it"),
    "chain": lambda data: read_chain(data, "it"),
    "bundle": lambda data: Trust.read("demo", data, [], "it"),
    "bundle-told": lambda data: check_roots(data, "sha256:" + "0" * 64, "it"),
    "list": lambda data: RevocationList.read(data, "it"),
    "key": lambda data: read_key(data, "it"),
    "locked-key": lambda data: read_key(data, "it", b"passphrase"),
    "request": lambda data: read_request(data, "it"),
    "response": lambda data: read_response(data, "it"),
    "identity": lambda data: Identity.parse(data.decode("latin-1")),
    "signature": lambda data: verify(KEY.public_key(), "shoal/test", b"data", data),
}


@pytest.mark.parametrize("name", PARSERS)
def test_a_bomb_is_refused_in_bounded_time_and_memory(name: str) -> None:
    for bomb in BOMBS:
        with bounded():
            assert not answered(lambda bomb=bomb: PARSERS[name](bomb)), bomb[:40]


@pytest.mark.parametrize("name", [name for name in PARSERS if name != "signature"])
def test_what_is_far_too_large_is_refused_before_it_is_parsed(name: str) -> None:
    whole = {"list": CRL_PEM, "request": REQUEST, "response": RESPONSE, "certificate": LEAF_DER}.get(name, CHAIN_PEM)
    data = whole * (8 * 1024 * 1024 // len(whole))
    with bounded():
        assert not answered(lambda: PARSERS[name](data))


@SOME
@given(data=st.binary(max_size=2000))
@pytest.mark.parametrize("name", PARSERS)
def test_bytes_of_chance_are_refused(name: str, data: bytes) -> None:
    assert not answered(lambda: PARSERS[name](data))


@SOME
@given(
    uri=st.one_of(st.text(max_size=300), st.from_regex(r"spiffe://[a-z.%A-Z@:]{1,20}/[a-z]{1,12}/[a-z0-9._-]{1,70}"))
)
@example(uri="spiffe://reef/node/ana")
def test_an_identity_that_is_taken_has_the_one_spelling(uri: str) -> None:
    try:
        identity = Identity.parse(uri)
    except CertificateRefused:
        return
    assert identity.uri == uri


@SOME
@given(der=changed(LEAF_DER))
def test_a_changed_certificate_proves_nothing(der: bytes) -> None:
    chain = [der, der_of(SHOP.issuing.certificate)]
    assert der == LEAF_DER or not answered(lambda: validate(chain, SHOP.trust(), NOW))


@SOME
@given(data=changed_inside(CHAIN_PEM, pem("CERTIFICATE"), LEAF_DER))
def test_a_changed_chain_is_taken_or_refused(data: bytes) -> None:
    if answered(lambda: read_chain(data, "it")):
        for der in read_chain(data, "it"):
            answered(lambda der=der: read_certificate(der, "it"))
        answered(lambda: Trust.read("demo", data, [], "it"))


@SOME
@given(data=changed_inside(CRL_PEM, pem("X509 CRL"), der_in(CRL_PEM)))
def test_a_changed_list_is_not_believed(data: bytes) -> None:
    genuine = RevocationList.read(CRL_PEM, "it")

    def believe() -> RevocationList:
        one = RevocationList.read(data, "it")
        one.check_issuer(SHOP.issuing.certificate, "it")
        one.check_time(NOW, "it")
        one.check_replaces(genuine, "it")
        return one

    if answered(believe):
        assert believe().serials == genuine.serials


@SOME
@given(data=changed_inside(KEY_PEM, pem("PRIVATE KEY"), der_in(KEY_PEM)))
def test_a_changed_key_is_taken_or_refused(data: bytes) -> None:
    answered(lambda: read_key(data, "it"))


@SOME
@given(data=st.one_of(changed(REQUEST), json_like(REQUEST)))
def test_a_changed_request_is_taken_or_refused(data: bytes) -> None:
    if answered(lambda: read_request(data, "it")):
        assert read_request(data, "it").key.public_numbers() == KEY.public_key().public_numbers()


@SOME
@given(data=st.one_of(changed(RESPONSE), json_like(RESPONSE)))
def test_a_changed_response_proves_nobody_else(data: bytes) -> None:
    def install() -> str:
        response = read_response(data, "it")
        return validate(response.chain, response.trust, NOW).identity.uri

    if answered(install):
        assert install() == "spiffe://demo/node/node-1"


@SOME
@given(data=st.one_of(changed(RECORD), json_like(RECORD), st.binary(max_size=200), st.sampled_from(BOMBS)))
@example(data=RECORD.replace(b'Z"', b'"'))
def test_a_damaged_record_is_a_sentence(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "issued"
    folder.mkdir(mode=0o700, exist_ok=True)
    serial = RECORD.split(b'"serial":"')[1].split(b'"')[0].decode()
    write_file(folder / f"{serial}.json", data, PRIVATE_MODE)
    shelf = RecordShelf(folder)

    def read() -> None:
        for record in shelf.all():
            assert record.serial_number > 0
            answered(lambda record=record: record.who)

    if len(data) > RECORD_BYTES_MAX:
        assert not answered(read, PlaceRefused)
    answered(read, PlaceRefused)


@pytest.mark.full
@settings(deadline=None, max_examples=3000)
@given(data=st.data())
def test_many_more_changes(data: st.DataObject) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = data.draw(st.sampled_from(sorted(PARSERS)))
        whole = data.draw(st.sampled_from([LEAF_DER, CHAIN_PEM, CRL_PEM, KEY_PEM, REQUEST, RESPONSE]))
        answered(lambda: PARSERS[name](data.draw(changed(whole))))
