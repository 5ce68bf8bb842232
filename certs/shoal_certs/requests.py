"""Certificates by letter: a request that carries no secret, and the answer to it. Pure: bytes in, bytes out.

Whoever asks makes the key and keeps it. The request carries the public key, signed by the key itself, and
the role and name that the asker would like. The authority takes the key from it and nothing else: role,
name and hosts are what the person who approves writes down. Both sides see the same short hash of the
request and compare it over the telephone, so nobody can put another key in between.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from shoal_certs.certificates import Certificate, fingerprint, pem_of, read_certificate, read_chain
from shoal_certs.identity import Identity
from shoal_certs.keys import PrivateKey, PublicKey, sha256_hex
from shoal_certs.profile import common_name
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.validator import Trust

REQUEST_BYTES_MAX = 16 * 1024
RESPONSE_BYTES_MAX = 5 * 1024 * 1024
HASH_DIGITS = 20
"""80 bits: too many for anybody to find a second key with the same hash."""


class RequestFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `request` writes and `approve` reads."""

    shoal: str
    swarm: str
    role: str
    name: str
    csr: str


class ResponseFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `approve` writes and `install` reads."""

    shoal: str
    swarm: str
    chain: str
    bundle: str
    crl: str


AnyFile = TypeVar("AnyFile", RequestFile, ResponseFile)


@dataclass(frozen=True, slots=True)
class _Form(Generic[AnyFile]):
    """How one of the two files is recognised, and refused."""

    kind: type[AnyFile]
    version: str
    refusal: Reason
    bytes_max: int


_REQUEST = _Form(RequestFile, "certificate-request/v1", Reason.REQUEST_MALFORMED, REQUEST_BYTES_MAX)
_RESPONSE = _Form(ResponseFile, "certificate-response/v1", Reason.RESPONSE_MALFORMED, RESPONSE_BYTES_MAX)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose form and proof are good."""

    wanted: Identity
    key: PublicKey
    short_hash: str


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose form is good; what it proves is asked of `validate`."""

    chain: list[bytes]
    crl_pem: bytes
    trust: Trust


def write_request(wanted: Identity, key: PrivateKey) -> tuple[bytes, str]:
    """The request file for `wanted`, and its short hash."""
    csr = x509.CertificateSigningRequestBuilder().subject_name(common_name(wanted.name)).sign(key, hashes.SHA256())
    pem = csr.public_bytes(Encoding.PEM).decode()
    file = RequestFile(shoal=_REQUEST.version, swarm=wanted.swarm, role=wanted.role, name=wanted.name, csr=pem)
    return msgspec.json.format(msgspec.json.encode(file)) + b"\n", _short_hash(csr)


def read_request(data: bytes, about: str) -> Request:
    """The request in a file, or a refusal."""
    file = _decode(data, _REQUEST, about)
    try:
        wanted = Identity.parse(f"spiffe://{file.swarm}/{file.role}/{file.name}")
        csr = x509.load_pem_x509_csr(file.csr.encode())
        key = csr.public_key()
        proved = csr.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise CertificateRefused(Reason.REQUEST_MALFORMED, about, str(problem)[:200]) from problem
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateRefused(Reason.WRONG_KEY_TYPE, about)
    if not proved:
        raise CertificateRefused(Reason.REQUEST_UNPROVED, about)
    return Request(wanted=wanted, key=key, short_hash=_short_hash(csr))


def write_response(swarm: str, chain: Sequence[Certificate], bundle_pem: bytes, crl_pem: bytes) -> bytes:
    """The answer: a chain, and whom to believe."""
    file = ResponseFile(
        shoal=_RESPONSE.version,
        swarm=swarm,
        chain=pem_of(chain).decode(),
        bundle=bundle_pem.decode(),
        crl=crl_pem.decode(),
    )
    return msgspec.json.format(msgspec.json.encode(file)) + b"\n"


def read_response(data: bytes, about: str) -> Response:
    """The answer in a file, or a refusal."""
    file = _decode(data, _RESPONSE, about)
    chain = read_chain(file.chain.encode(), about)
    crl = file.crl.encode()
    trust = Trust.read(file.swarm, file.bundle.encode(), [crl], about)
    return Response(chain=chain, crl_pem=crl, trust=trust)


def check_roots(bundle_pem: bytes, told: str, about: str) -> None:
    """Refuse a bundle with any other root than the one whose fingerprint was told out of band."""
    roots = [fingerprint(read_certificate(der, about)) for der in read_chain(bundle_pem, about)]
    if {normal_hex(told)} != {normal_hex(root) for root in roots}:
        raise CertificateRefused(Reason.WRONG_ROOT, about, f"it holds {', '.join(roots)}; you were told {told[:100]}")


def check_short_hash(request: Request, told: str, about: str) -> None:
    """Refuse a request that is not the one whose hash was read out."""
    if normal_hex(told) != normal_hex(request.short_hash):
        raise CertificateRefused(Reason.WRONG_HASH, about, f"this file's is {request.short_hash}")


def normal_hex(text: str) -> str:
    """Hex digits as people type them, made comparable."""
    return re.sub(r"[^0-9a-f]", "", text.strip().lower().removeprefix("sha256:"))


def _short_hash(csr: x509.CertificateSigningRequest) -> str:
    digits = sha256_hex(csr.public_bytes(Encoding.DER))[:HASH_DIGITS]
    return "-".join(digits[at : at + 4] for at in range(0, HASH_DIGITS, 4))


def _decode(data: bytes, form: "_Form[AnyFile]", about: str) -> AnyFile:
    if len(data) > form.bytes_max:
        raise CertificateRefused(form.refusal, about, f"{len(data)} bytes, at most {form.bytes_max}")
    try:
        file = msgspec.json.decode(data, type=form.kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise CertificateRefused(form.refusal, about, str(problem)[:200]) from problem
    if file.shoal != form.version:
        raise CertificateRefused(form.refusal, about, f"it is {file.shoal[:60]!r}, not {form.version!r}")
    return file
