"""Whether a chain of certificates proves an identity to this swarm, and if not, why not.

Pure: bytes, trust and time in; an identity or a typed refusal out. OpenSSL asks many of the same questions
during a handshake. They are asked again here because a handshake cannot tell roles, swarms and identities
apart, and because what is validated offline must get the same answer as what comes over the wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from shoal_certs.certificates import (
    CHAIN_LENGTH_MAX,
    Certificate,
    der_of,
    extension_of,
    fingerprint,
    key_fingerprint_of,
    p256_key_of,
    read_certificate,
    read_chain,
)
from shoal_certs.identity import Identity, Role
from shoal_certs.keys import PublicKey
from shoal_certs.leaf_rules import check_critical_extensions, check_leaf, check_signature_kind, check_time
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.revocation import RevocationList

EVERY_ROLE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a party believes: the roots of its bundle and the revocation lists in force, for one swarm."""

    swarm: str
    roots: tuple[Certificate, ...]
    lists: tuple[RevocationList, ...] = ()

    @classmethod
    def read(cls, swarm: str, bundle_pem: bytes, crl_pems: Sequence[bytes], about: str) -> "Trust":
        """The trust that a bundle and lists in PEM express; every root must be fit to be one."""
        roots = tuple(
            read_certificate(der, f"{about}, certificate {at + 1}")
            for at, der in enumerate(read_chain(bundle_pem, about))
        )
        if not roots:
            raise CertificateRefused(Reason.NO_CERTIFICATE, about)
        for root in roots:
            _check_is_authority(root, about)
        return cls(swarm, roots, tuple(RevocationList.read(pem, f"{about}, revocation list") for pem in crl_pems))


@dataclass(frozen=True, slots=True)
class Certified:
    """An identity that was proved, and what it was proved with."""

    identity: Identity
    leaf: Certificate
    chain: tuple[Certificate, ...]

    @property
    def serial(self) -> int:
        """What a revocation list would name."""
        return self.leaf.serial_number

    @property
    def begins_at(self) -> datetime:
        """From when on every certificate of its chain is valid."""
        return max(certificate.not_valid_before_utc for certificate in (self.leaf, *self.chain))

    @property
    def ends_at(self) -> datetime:
        """When the first certificate of its chain expires."""
        return min(certificate.not_valid_after_utc for certificate in (self.leaf, *self.chain))

    @property
    def public_key(self) -> PublicKey:
        """What its signatures verify with."""
        return p256_key_of(self.leaf, self.identity.uri)

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256."""
        return fingerprint(self.leaf)

    @property
    def key_fingerprint(self) -> str:
        """The public key's SHA-256."""
        return key_fingerprint_of(self.leaf)


def validate(
    chain: Sequence[bytes],
    trust: Trust,
    now: datetime,
    *,
    roles: frozenset[Role] = EVERY_ROLE,
    expected: Identity | None = None,
    about: str = "the certificate",
    past: bool = False,
) -> Certified:
    """The identity that `chain` (DER, leaf first) proves; `expected` is whom the caller meant to reach.

    With `past`, `now` is a moment that has gone by, such as that of an old signature: what has expired or was revoked
    since then was good then.
    """
    if not chain:
        raise CertificateRefused(Reason.NO_CERTIFICATE, about)
    if len(chain) > CHAIN_LENGTH_MAX:
        raise CertificateRefused(Reason.CHAIN_TOO_LONG, about, f"{len(chain)} certificates")
    leaf, *others = [read_certificate(der, about) for der in chain]
    issuers = _path_to_root(leaf, others, trust, about)
    for depth, issuer in enumerate(issuers):
        _check_issuer(issuer, about, now, issuers_below=depth)
    identity = check_leaf(leaf, about, now)
    _check_constraints(issuers, identity, about)
    if identity.swarm != trust.swarm:
        raise CertificateRefused(Reason.WRONG_SWARM, about, f"{identity} in {trust.swarm}")
    check_not_revoked(leaf, issuers[0], trust, now, about, past=past)
    if expected is not None and identity != expected:
        raise CertificateRefused(Reason.NOT_EXPECTED, about, f"{identity} answered for {expected}")
    if identity.role not in roles:
        raise CertificateRefused(Reason.ROLE_NOT_ALLOWED, about, str(identity))
    return Certified(identity, leaf, tuple(issuer for issuer in issuers if issuer not in trust.roots))


def check_not_revoked(
    leaf: Certificate, issuer: Certificate, trust: Trust, now: datetime, about: str, *, past: bool = False
) -> None:
    """Refuse unless the issuer's list is there, speaks for `now` and does not name the leaf.

    A list names everybody who was ever revoked, with the date, so a newer one speaks for the past as well.
    """
    lists = [one for one in trust.lists if one.is_from(issuer)]
    if not lists:
        raise CertificateRefused(Reason.CRL_MISSING, about)
    newest = max(lists, key=lambda one: one.number)
    newest.check_issuer(issuer, about)
    newest.check_time(max(now, newest.issued_at) if past else now, about)
    since = newest.serials.get(leaf.serial_number)
    if since is not None and not (past and now < since):
        raise CertificateRefused(Reason.REVOKED, about, f"on {since:%Y-%m-%d}")


def _path_to_root(leaf: Certificate, others: Sequence[Certificate], trust: Trust, about: str) -> list[Certificate]:
    """The issuers above the leaf, nearest first, ending with a root of the bundle."""
    path: list[Certificate] = []
    child = leaf
    remaining = [other for other in others if other not in trust.roots]
    while True:
        root = _issuer_among(trust.roots, child, about)
        if root is not None:
            return [*path, root]
        issuer = _issuer_among(remaining, child, about)
        if issuer is None:
            raise CertificateRefused(Reason.WRONG_AUTHORITY, about)
        remaining.remove(issuer)
        path.append(issuer)
        child = issuer


def _issuer_among(candidates: Sequence[Certificate], child: Certificate, about: str) -> Certificate | None:
    """Who signed `child`; a candidate with the right name and key that did not sign it means a forged child."""
    namesakes = [one for one in candidates if one.subject == child.issuer and _key_identifier_fits(one, child)]
    for candidate in namesakes:
        if _signed_by(child, candidate, about):
            return candidate
    if namesakes:
        raise CertificateRefused(Reason.BAD_SIGNATURE, about)
    return None


def _key_identifier_fits(issuer: Certificate, child: Certificate) -> bool:
    named = extension_of(child, x509.AuthorityKeyIdentifier)
    own = extension_of(issuer, x509.SubjectKeyIdentifier)
    if named is None or own is None or named.value.key_identifier is None:
        return True
    return named.value.key_identifier == own.value.digest


def _signed_by(child: Certificate, issuer: Certificate, about: str) -> bool:
    try:
        child.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise CertificateRefused(Reason.BAD_SIGNATURE, about, str(problem)[:200]) from problem
    return True


def _check_issuer(issuer: Certificate, about: str, now: datetime, *, issuers_below: int) -> None:
    check_critical_extensions(issuer, about)
    check_signature_kind(issuer, about)
    p256_key_of(issuer, about)
    length = _check_is_authority(issuer, about)
    if length is not None and issuers_below > length:
        raise CertificateRefused(Reason.PATH_TOO_LONG, about)
    check_time(issuer, about, now, early=Reason.ISSUER_NOT_YET_VALID, late=Reason.ISSUER_EXPIRED)


def _check_is_authority(issuer: Certificate, about: str) -> int | None:
    """The path length that a CA certificate allows below it."""
    constraints = extension_of(issuer, x509.BasicConstraints)
    if constraints is None or not constraints.value.ca or not constraints.critical:
        raise CertificateRefused(Reason.ISSUER_NOT_AN_AUTHORITY, about)
    usage = extension_of(issuer, x509.KeyUsage)
    if usage is None or not usage.value.key_cert_sign:
        raise CertificateRefused(Reason.ISSUER_MAY_NOT_SIGN, about)
    return constraints.value.path_length


def _check_constraints(issuers: Sequence[Certificate], identity: Identity, about: str) -> None:
    """The nearest issuer must be bound to one swarm, and every bound one to this leaf's."""
    found = [extension_of(issuer, x509.NameConstraints) for issuer in issuers]
    if found[0] is None:
        raise CertificateRefused(Reason.UNCONSTRAINED_ISSUER, about)
    for constraints in found:
        if constraints is None:
            continue
        permitted = [
            name.value
            for name in constraints.value.permitted_subtrees or ()
            if isinstance(name, x509.UniformResourceIdentifier)
        ]
        if not constraints.critical or not permitted:
            raise CertificateRefused(Reason.UNCONSTRAINED_ISSUER, about)
        if identity.swarm not in permitted:
            raise CertificateRefused(Reason.OUTSIDE_NAME_CONSTRAINTS, about, f"{identity} under {', '.join(permitted)}")


def chain_der(certificates: Sequence[Certificate]) -> list[bytes]:
    """A chain as `validate` takes it."""
    return [der_of(certificate) for certificate in certificates]
