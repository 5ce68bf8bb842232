"""The bad identities: each one thing wrong, the reason that we give, and what `openssl verify` says of it.

`openssl` is None where OpenSSL has no opinion, because it knows neither our profile nor our names; there it
must accept, which shows that nothing else is wrong with the certificate.
"""

from base64 import encodebytes
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from shoal_certs.authority import Issuer, new_issuing
from shoal_certs.certificates import der_of
from shoal_certs.keys import new_key
from shoal_certs.profile import Extension, issuing_extensions, root_extensions
from shoal_certs.reasons import Reason
from tests.der import element, resigned
from tests.workshop import DAY, HOUR, SWARM, Leaf, Workshop, identity

EXPIRED = "certificate has expired"
NOT_YET = "certificate is not yet valid"
UNTRUSTED = "unable to get local issuer certificate"
FORGED = "certificate signature failure"
PURPOSE = "unsuitable certificate purpose"
STRICT_KEY_CERT_SIGN = "Key usage keyCertSign invalid for non-CA cert"
SUBTREE = "permitted subtree violation"
NO_CRL = "unable to get certificate CRL"


@dataclass(frozen=True)
class BadIdentity:
    """A chain and key to show, and the trust of whoever looks at it."""

    what: str
    reason: Reason
    openssl: str | None
    chain: tuple[bytes, ...]
    key_pem: bytes
    bundle_pem: bytes
    crl_pem: bytes | None

    @property
    def chain_pem(self) -> bytes:
        """The chain as files carry it."""
        return b"".join(_pem(der) for der in self.chain)


Maker = Callable[[Workshop], "Made"]


@dataclass(frozen=True)
class Made:
    """What a maker leaves to the usual: everything that is None."""

    leaf: bytes
    key: object
    above: tuple[Issuer, ...] | None = None
    crl: bytes | None = None
    no_crl: bool = False


def bad_identities(now: datetime) -> list[BadIdentity]:
    """All of them, made for this moment."""
    shop = Workshop.open(now)
    return [_finish(shop, what, reason, openssl, maker(shop)) for what, reason, openssl, maker in _CASES]


def _finish(shop: Workshop, what: str, reason: Reason, openssl: str | None, made: Made) -> BadIdentity:
    above = (shop.issuing,) if made.above is None else made.above
    crl = None if made.no_crl else made.crl or shop.crl()
    chain = (made.leaf, *(der_of(issuer.certificate) for issuer in above))
    return BadIdentity(what, reason, openssl, chain, _key_pem(made.key), shop.bundle, crl)


def _leaf(**changes: object) -> Maker:
    def make(shop: Workshop) -> Made:
        leaf = Leaf(**changes)  # type: ignore[arg-type]
        return Made(der_of(shop.make(leaf)), leaf.key)

    return make


def _uri(text: str) -> Maker:
    return _leaf(uris=(text,))


def _usage(**bits: bool) -> Extension:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    names += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return Extension(x509.KeyUsage(**{name: bits.get(name, False) for name in names}), critical=True)


def _purposes(*oids: x509.ObjectIdentifier) -> tuple[Extension, ...]:
    return (Extension(x509.ExtendedKeyUsage(oids), critical=False),)


def _not_critical(value: x509.ExtensionType) -> tuple[Extension, ...]:
    return (Extension(value, critical=False),)


def _by_other_authority(shop: Workshop) -> Made:
    other, leaf = Workshop.open(shop.now), Leaf()
    return Made(der_of(other.make(leaf)), leaf.key, above=(other.issuing,))


def _without_its_issuer(shop: Workshop) -> Made:
    leaf = Leaf()
    return Made(der_of(shop.make(leaf)), leaf.key, above=())


def _self_signed(shop: Workshop) -> Made:
    leaf = Leaf()
    own = Issuer(shop.make(leaf), leaf.key)
    return Made(der_of(shop.make(leaf, own)), leaf.key, above=())


def _forged_signature(shop: Workshop) -> Made:
    leaf = Leaf()
    der = bytearray(der_of(shop.make(leaf)))
    der[-1] ^= 1
    return Made(bytes(der), leaf.key)


def _renamed_after_signing(shop: Workshop) -> Made:
    leaf = Leaf()
    return Made(der_of(shop.make(leaf)).replace(b"/node/node-1", b"/node/node-2"), leaf.key)


def _below(make_issuer: Callable[[Workshop], Issuer]) -> Maker:
    def make(shop: Workshop) -> Made:
        issuer, leaf = make_issuer(shop), Leaf()
        return Made(der_of(shop.make(leaf, issuer)), leaf.key, above=(issuer,), crl=shop.crl(issuer=issuer))

    return make


def _expired_issuer(shop: Workshop) -> Issuer:
    return shop.intermediate(_like_issuing(shop), starts=-300 * DAY, ends=-HOUR)


def _future_issuer(shop: Workshop) -> Issuer:
    return shop.intermediate(_like_issuing(shop), starts=HOUR)


def _issuer_without_constraints(shop: Workshop) -> Issuer:
    return shop.intermediate(
        lambda key: [one for one in _like_issuing(shop)(key) if not isinstance(one.value, x509.NameConstraints)]
    )


def _issuer_that_may_not_sign(shop: Workshop) -> Issuer:
    return shop.intermediate(
        lambda key: [
            _usage(crl_sign=True) if isinstance(one.value, x509.KeyUsage) else one for one in _like_issuing(shop)(key)
        ]
    )


def _root_as_issuer(shop: Workshop) -> Issuer:
    return shop.root


def _like_issuing(shop: Workshop) -> Callable[[ec.EllipticCurvePrivateKey], list[Extension]]:
    return lambda key: issuing_extensions(key.public_key(), shop.root.public_key, SWARM)


def _below_a_leaf(shop: Workshop) -> Made:
    upper, leaf = Leaf(), Leaf()
    issuer = Issuer(shop.make(upper), upper.key)
    return Made(der_of(shop.make(leaf, issuer)), leaf.key, above=(issuer, shop.issuing), crl=shop.crl(issuer=issuer))


def _one_issuer_too_many(shop: Workshop) -> Made:
    leaf = Leaf()
    lower = shop.intermediate(
        lambda key: issuing_extensions(key.public_key(), shop.issuing.public_key, SWARM), under=shop.issuing
    )
    return Made(der_of(shop.make(leaf, lower)), leaf.key, above=(lower, shop.issuing), crl=shop.crl(issuer=lower))


def _four_certificates(shop: Workshop) -> Made:
    leaf = Leaf()
    strangers = tuple(Workshop.open(shop.now).issuing for _ in range(2))
    return Made(der_of(shop.make(leaf)), leaf.key, above=(shop.issuing, *strangers))


def _of_other_swarm(shop: Workshop) -> Made:
    other = shop.other_swarm("other")
    leaf = Leaf(uris=(identity(swarm="other").uri,))
    made = shop.make(leaf, other.issuing)
    return Made(der_of(made), leaf.key, above=(other.issuing,), crl=shop.crl(issuer=other.issuing))


def _second_issuing(shop: Workshop) -> Made:
    """A genuine issuing certificate with another key, whose revocation list nobody has."""
    leaf = Leaf()
    issuer = new_issuing("demo", shop.root, new_key(), shop.now)
    other = Issuer(issuer.certificate, issuer.key)
    return Made(der_of(shop.make(leaf, other)), leaf.key, above=(other,))


def _revoked(shop: Workshop) -> Made:
    leaf = Leaf()
    return Made(der_of(shop.make(leaf)), leaf.key, crl=shop.crl(leaf.serial, number=2))


def _with_crl(make_crl: Callable[[Workshop], bytes]) -> Maker:
    def make(shop: Workshop) -> Made:
        leaf = Leaf()
        return Made(der_of(shop.make(leaf)), leaf.key, crl=make_crl(shop))

    return make


def _without_crl(shop: Workshop) -> Made:
    leaf = Leaf()
    return Made(der_of(shop.make(leaf)), leaf.key, no_crl=True)


def _crl_by_namesake(shop: Workshop) -> bytes:
    impostor = new_issuing("demo", shop.root, new_key(), shop.now)
    return shop.crl(issuer=Issuer(shop.issuing.certificate, impostor.key))


def _crl_of_other_swarm(shop: Workshop) -> bytes:
    return shop.crl(issuer=shop.other_swarm("other").issuing)


def _crl_that_ended(shop: Workshop) -> bytes:
    return shop.crl(now=shop.now - 200 * DAY)


def _crl_from_the_future(shop: Workshop) -> bytes:
    return shop.crl(now=shop.now + 2 * HOUR)


def _tampered(change: Callable[[list[bytes]], list[bytes]]) -> Maker:
    def make(shop: Workshop) -> Made:
        leaf = Leaf()
        return Made(resigned(shop.make(leaf).tbs_certificate_bytes, shop.issuing.key, change), leaf.key)

    return make


def _version_1(parts: list[bytes]) -> list[bytes]:
    return parts[1:-1]


def _serial(value: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda parts: [parts[0], element(0x02, value), *parts[2:]]


def _doubled_key_usage(parts: list[bytes]) -> list[bytes]:
    # Extended key usage takes the object identifier of key usage: same length, so the rest stays well formed.
    return [*parts[:-1], parts[-1].replace(bytes.fromhex("0603551d25"), bytes.fromhex("0603551d0f"))]


def _unknown_critical() -> tuple[Extension, ...]:
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    return (Extension(value, critical=True),)


_SERVER, _CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
_EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION

_CASES: list[tuple[str, Reason, str | None, Maker]] = [
    # Who vouches for it.
    ("another authority's", Reason.WRONG_AUTHORITY, UNTRUSTED, _by_other_authority),
    ("its issuer left out", Reason.WRONG_AUTHORITY, UNTRUSTED, _without_its_issuer),
    ("vouched for by itself", Reason.WRONG_AUTHORITY, "self-signed certificate", _self_signed),
    ("signature with a flipped bit", Reason.BAD_SIGNATURE, FORGED, _forged_signature),
    ("renamed after signing", Reason.BAD_SIGNATURE, FORGED, _renamed_after_signing),
    ("issuer expired", Reason.ISSUER_EXPIRED, EXPIRED, _below(_expired_issuer)),
    ("issuer not yet valid", Reason.ISSUER_NOT_YET_VALID, NOT_YET, _below(_future_issuer)),
    ("issuer not bound to a swarm", Reason.UNCONSTRAINED_ISSUER, None, _below(_issuer_without_constraints)),
    (
        "issuer without keyCertSign",
        Reason.ISSUER_MAY_NOT_SIGN,
        "invalid CA certificate",
        _below(_issuer_that_may_not_sign),
    ),
    ("issued by the root itself", Reason.UNCONSTRAINED_ISSUER, None, _below(_root_as_issuer)),
    ("issued by a leaf", Reason.ISSUER_NOT_AN_AUTHORITY, "invalid CA certificate", _below_a_leaf),
    ("one issuer too many", Reason.PATH_TOO_LONG, "path length constraint exceeded", _one_issuer_too_many),
    ("four certificates", Reason.CHAIN_TOO_LONG, None, _four_certificates),
    ("name outside the constraints", Reason.OUTSIDE_NAME_CONSTRAINTS, SUBTREE, _uri(identity(swarm="other").uri)),
    ("another swarm's, same root", Reason.WRONG_SWARM, None, _of_other_swarm),
    # What it is made of.
    ("expired", Reason.EXPIRED, EXPIRED, _leaf(starts=-90 * DAY, ends=-HOUR)),
    ("not yet valid", Reason.NOT_YET_VALID, NOT_YET, _leaf(starts=HOUR)),
    ("lives ten years", Reason.LIFETIME_TOO_LONG, None, _leaf(ends=3650 * DAY)),
    ("RSA key of 1024 bits", Reason.WRONG_KEY_TYPE, None, _leaf(key=rsa.generate_private_key(65537, 1024))),  # noqa: S505 - the point of it
    ("RSA key of 2048 bits", Reason.WRONG_KEY_TYPE, None, _leaf(key=rsa.generate_private_key(65537, 2048))),
    ("P-384 key", Reason.WRONG_KEY_TYPE, None, _leaf(key=ec.generate_private_key(ec.SECP384R1()))),
    ("Ed25519 key", Reason.WRONG_KEY_TYPE, None, _leaf(key=ed25519.Ed25519PrivateKey.generate())),
    ("signed with SHA-384", Reason.WRONG_SIGNATURE_KIND, None, _leaf(algorithm=hashes.SHA384())),
    (
        "no subject key identifier",
        Reason.MISSING_KEY_IDENTIFIER,
        None,
        _leaf(without=(x509.SubjectKeyIdentifier,)),
    ),
    (
        "no authority key identifier",
        Reason.MISSING_KEY_IDENTIFIER,
        "Missing Authority Key Identifier",
        _leaf(without=(x509.AuthorityKeyIdentifier,)),
    ),
    ("no basic constraints", Reason.BASIC_CONSTRAINTS_MISSING, None, _leaf(without=(x509.BasicConstraints,))),
    (
        "basic constraints not critical",
        Reason.BASIC_CONSTRAINTS_MISSING,
        None,
        _leaf(instead=_not_critical(x509.BasicConstraints(ca=False, path_length=None))),
    ),
    ("is a CA", Reason.LEAF_IS_AUTHORITY, PURPOSE, _leaf(instead=tuple(root_extensions(new_key().public_key()))[:2])),
    ("no key usage", Reason.KEY_USAGE_MISSING, None, _leaf(without=(x509.KeyUsage,))),
    (
        "key usage not critical",
        Reason.KEY_USAGE_MISSING,
        None,
        _leaf(instead=_not_critical(_usage(digital_signature=True).value)),
    ),
    (
        "leaf with keyCertSign",
        Reason.LEAF_MAY_SIGN_CERTIFICATES,
        STRICT_KEY_CERT_SIGN,
        _leaf(instead=(_usage(digital_signature=True, key_cert_sign=True),)),
    ),
    (
        "leaf with cRLSign",
        Reason.LEAF_MAY_SIGN_CRLS,
        None,
        _leaf(instead=(_usage(digital_signature=True, crl_sign=True),)),
    ),
    ("key encipherment only", Reason.WRONG_KEY_USAGE, PURPOSE, _leaf(instead=(_usage(key_encipherment=True),))),
    (
        "signs and agrees on keys",
        Reason.WRONG_KEY_USAGE,
        None,
        _leaf(instead=(_usage(digital_signature=True, key_agreement=True),)),
    ),
    ("no purpose", Reason.PURPOSE_MISSING, None, _leaf(without=(x509.ExtendedKeyUsage,))),
    ("server only", Reason.PURPOSE_MISSING, PURPOSE, _leaf(instead=_purposes(_SERVER))),
    ("client only", Reason.PURPOSE_MISSING, PURPOSE, _leaf(instead=_purposes(_CLIENT))),
    ("a purpose too many", Reason.PURPOSE_UNEXPECTED, None, _leaf(instead=_purposes(_SERVER, _CLIENT, _EMAIL))),
    (
        "unknown critical extension",
        Reason.UNKNOWN_CRITICAL_EXTENSION,
        "unhandled critical extension",
        _leaf(instead=_unknown_critical()),
    ),
    ("an extension twice", Reason.DUPLICATE_EXTENSION, "invalid certificate", _tampered(_doubled_key_usage)),
    ("version 1", Reason.NOT_VERSION_3, None, _tampered(_version_1)),
    ("serial zero", Reason.BAD_SERIAL, None, _tampered(_serial(b"\0"))),
    ("serial negative", Reason.BAD_SERIAL, None, _tampered(_serial(b"\x85" + b"\1" * 15))),
    ("serial of 21 bytes", Reason.BAD_SERIAL, None, _tampered(_serial(b"\1" * 21))),
    # Who it says it is.
    ("no alternative names", Reason.NO_IDENTITY, None, _leaf(uris=())),
    ("host name only", Reason.NO_IDENTITY, None, _leaf(uris=(), extra_names=(x509.DNSName("node-1"),))),
    ("two URIs", Reason.SEVERAL_IDENTITIES, None, _leaf(uris=(identity().uri, identity("node-2").uri))),
    ("an e-mail address too", Reason.UNEXPECTED_NAME, None, _leaf(extra_names=(x509.RFC822Name("a@demo"),))),
    ("https", Reason.WRONG_SCHEME, None, _uri("https://demo/node/node-1")),
    ("scheme in upper case", Reason.WRONG_SCHEME, None, _uri("SPIFFE://demo/node/node-1")),
    ("name in upper case", Reason.UPPER_CASE, None, _uri("spiffe://demo/node/Node-1")),
    ("percent-encoded", Reason.PERCENT_ENCODED, None, _uri("spiffe://demo/node/node%2d1")),
    ("with a user", Reason.EXTRA_URI_PARTS, SUBTREE, _uri("spiffe://root@demo/node/node-1")),
    ("with a port", Reason.EXTRA_URI_PARTS, None, _uri("spiffe://demo:443/node/node-1")),
    ("with a query", Reason.EXTRA_URI_PARTS, None, _uri("spiffe://demo/node/node-1?role=sentinel")),
    ("with a fragment", Reason.EXTRA_URI_PARTS, None, _uri("spiffe://demo/node/node-1#sentinel")),
    ("a path too long", Reason.WRONG_URI_SHAPE, None, _uri("spiffe://demo/node/node-1/sentinel")),
    ("no name", Reason.WRONG_URI_SHAPE, None, _uri("spiffe://demo/node")),
    ("dots for a name", Reason.BAD_NAME, None, _uri("spiffe://demo/node/..")),
    ("name with an underscore", Reason.BAD_NAME, None, _uri("spiffe://demo/node/node_1")),
    ("name of 64 letters", Reason.BAD_NAME, None, _uri("spiffe://demo/node/" + "a" * 64)),
    ("empty name", Reason.BAD_NAME, None, _uri("spiffe://demo/node/")),
    ("unknown role", Reason.UNKNOWN_ROLE, None, _uri("spiffe://demo/admin/node-1")),
    ("identity of 300 bytes", Reason.URI_TOO_LONG, None, _uri("spiffe://demo/node/" + "a" * 281)),
    # Whether it still holds.
    ("revoked", Reason.REVOKED, "certificate revoked", _revoked),
    ("no revocation list", Reason.CRL_MISSING, NO_CRL, _without_crl),
    ("revocation list of another swarm", Reason.CRL_MISSING, NO_CRL, _with_crl(_crl_of_other_swarm)),
    ("revocation list by a namesake", Reason.CRL_BAD_SIGNATURE, "CRL", _with_crl(_crl_by_namesake)),
    ("revocation list that ended", Reason.CRL_EXPIRED, "CRL has expired", _with_crl(_crl_that_ended)),
    (
        "revocation list from the future",
        Reason.CRL_NOT_YET_VALID,
        "CRL is not yet valid",
        _with_crl(_crl_from_the_future),
    ),
    ("a second issuing key without a list", Reason.CRL_BAD_SIGNATURE, NO_CRL, _second_issuing),
]


def _key_pem(key: object) -> bytes:
    assert hasattr(key, "private_bytes")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert isinstance(pem, bytes)
    return pem


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + encodebytes(der) + b"-----END CERTIFICATE-----\n"
