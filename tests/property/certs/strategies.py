"""Valid files, and what chance and malice make of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from hypothesis import strategies as st

from shoal_certs.authority import Wish, new_serial
from shoal_certs.certificates import der_of, pem_of
from shoal_certs.keys import key_pem, new_key
from shoal_certs.records import Record
from shoal_certs.requests import write_request, write_response
from tests.workshop import SWARM, Workshop, identity

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SHOP = Workshop.open(NOW)
KEY = new_key()
WISH = Wish(identity(), dns_names=("reef.example",))
LEAF = SHOP.authority.issue(WISH, KEY.public_key(), NOW, new_serial())
CHAIN = [LEAF, SHOP.issuing.certificate]

LEAF_DER = der_of(LEAF)
CHAIN_PEM = pem_of(CHAIN)
KEY_PEM = key_pem(KEY)
CRL_PEM = SHOP.crl(new_serial(), new_serial())
REQUEST = write_request(identity(), KEY)[0]
RESPONSE = write_response(SWARM, CHAIN, SHOP.bundle, CRL_PEM)


RECORD = msgspec.json.encode(Record.of(WISH, LEAF))

_BITS = st.tuples(st.just("flip"), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
_CUTS = st.tuples(st.just("cut"), st.floats(0, 1), st.floats(0, 1))
_COPIES = st.tuples(st.just("copy"), st.floats(0, 1), st.floats(0, 1))
_BYTES = st.tuples(st.just("put"), st.floats(0, 1), st.binary(min_size=1, max_size=8))


def _change(data: bytes, how: tuple[str, float, int | float | bytes]) -> bytes:
    kind, where, what = how
    at = int(where * len(data))
    if kind == "flip" and data:
        assert isinstance(what, int)
        return data[:at] + bytes([data[at] ^ 1 << what]) + data[at + 1 :]
    if kind == "put":
        assert isinstance(what, bytes)
        return data[:at] + what + data[at + len(what) :]
    to = int(float(what) * len(data)) if not isinstance(what, bytes) else at
    start, end = sorted((at, to))
    return data[:start] + data[end:] if kind == "cut" else data[:end] + data[start:]


def changed(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` with a few flipped bits, and stretches that are missing, doubled or overwritten."""

    def apply(changes: list[tuple[str, float, int | float | bytes]]) -> bytes:
        result = data
        for change in changes:
            result = _change(result, change)
        return result[: 4 * len(data)]

    return st.lists(st.one_of(_BITS, _CUTS, _COPIES, _BYTES), min_size=1, max_size=4).map(apply)


def changed_inside(pem: bytes, wrap: Callable[[bytes], bytes], der: bytes) -> st.SearchStrategy[bytes]:
    """PEM that is whole around DER that is not, and PEM that is not whole."""
    return st.one_of(changed(pem), changed(der).map(wrap))


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=30)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)),
    max_leaves=12,
)


def json_like(valid: bytes) -> st.SearchStrategy[bytes]:
    """A valid JSON object with some of its values exchanged, added or missing."""
    fields = json.loads(valid)
    texts = st.one_of(_JSON, st.sampled_from([value for value in fields.values() if isinstance(value, str)]))
    surplus = st.dictionaries(st.sampled_from([*fields, "more"]), texts, max_size=3)
    missing = st.sets(st.sampled_from(sorted(fields)), max_size=2)

    def build(new: dict[str, object], gone: set[str]) -> bytes:
        return json.dumps({name: value for name, value in {**fields, **new}.items() if name not in gone}).encode()

    return st.one_of(st.builds(build, surplus, missing), _JSON.map(lambda value: json.dumps(value).encode()))


BOMBS = [
    b"[" * 100_000,
    b'{"shoal":' * 50_000,
    b'{"shoal":' + b"9" * 10_000 + b"}",
    b'{"shoal":1e999999999}',
    b'{"shoal":"' + b"\\ud800" * 1000 + b'"}',
    b'{"shoal":"\xff\xfe"}',
    b"\x00" * 10_000,
    b"-----BEGIN CERTIFICATE-----\n" * 2000,
    b"-----BEGIN CERTIFICATE-----\n" + b"MIIB" * 10_000 + b"\n-----END CERTIFICATE-----\n",
    b"\x30\x84\xff\xff\xff\xff" + b"\x30\x80" * 5000,
    b"\x30\x82\x10\x00" * 3000,
]
