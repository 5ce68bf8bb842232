"""A workshop that makes certificates of every kind, good ones and deliberately bad ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from shoal_certs.authority import Authority, Issuer, Revocation, new_issuing, new_serial
from shoal_certs.certificates import pem_of
from shoal_certs.identity import Identity, Role
from shoal_certs.keys import new_key
from shoal_certs.profile import Extension, common_name, leaf_extensions
from shoal_certs.validator import Trust

SWARM = "demo"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def identity(name: str = "node-1", role: Role = Role.NODE, swarm: str = SWARM) -> Identity:
    """An identity of the swarm that the tests are about."""
    return Identity(swarm, role, name)


@dataclass(frozen=True)
class Leaf:
    """A leaf to be: good as it stands, and changed in one respect by the tests."""

    uris: tuple[str, ...] = (identity().uri,)
    key: Any = field(default_factory=new_key)
    starts: timedelta = -HOUR
    ends: timedelta = 90 * DAY
    algorithm: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    serial: int = field(default_factory=new_serial)
    extra_names: tuple[x509.GeneralName, ...] = ()
    without: tuple[type[x509.ExtensionType], ...] = ()
    instead: tuple[Extension, ...] = ()

    def extensions(self, issuer: ec.EllipticCurvePublicKey) -> list[Extension]:
        """The profile's extensions with what this leaf has instead of them."""
        usual = leaf_extensions(identity(), new_key().public_key(), issuer)
        names = [*(x509.UniformResourceIdentifier(uri) for uri in self.uris), *self.extra_names]
        changed = [Extension(x509.SubjectAlternativeName(names), critical=False)] if names else []
        changed += [Extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)]
        replaced = {type(one.value) for one in (*changed, *self.instead)} | {x509.SubjectAlternativeName}
        kept = [one for one in (*usual, *changed) if type(one.value) not in replaced or one in changed]
        final = {type(one.value): one for one in (*kept, *self.instead)}
        return [one for kind, one in final.items() if kind not in self.without]


@dataclass(frozen=True)
class Workshop:
    """An authority with both its keys in hand."""

    now: datetime
    authority: Authority
    root: Issuer

    @classmethod
    def open(cls, now: datetime, swarm: str = SWARM) -> "Workshop":
        """A fresh authority."""
        authority, root = Authority.create(swarm, now)
        return cls(now, authority, root)

    @property
    def issuing(self) -> Issuer:
        """What signs leaves."""
        return self.authority.issuing

    def make(self, leaf: Leaf, issuer: Issuer | None = None) -> x509.Certificate:
        """Sign a leaf, whatever it says."""
        by = issuer or self.issuing
        builder = (
            x509.CertificateBuilder()
            .subject_name(common_name("node-1"))
            .issuer_name(by.certificate.subject)
            .public_key(leaf.key.public_key())
            .serial_number(leaf.serial)
            .not_valid_before(self.now + leaf.starts)
            .not_valid_after(self.now + leaf.ends)
        )
        for one in leaf.extensions(by.public_key):
            builder = builder.add_extension(one.value, one.critical)
        return builder.sign(by.key, leaf.algorithm)

    def intermediate(
        self,
        extensions: Callable[[ec.EllipticCurvePrivateKey], Sequence[Extension]],
        *,
        under: Issuer | None = None,
        name: str = "demo other",
        starts: timedelta = -HOUR,
        ends: timedelta = 300 * DAY,
    ) -> Issuer:
        """An issuer with whatever extensions, below the root or below another."""
        key, by = new_key(), under or self.root
        builder = (
            x509.CertificateBuilder()
            .subject_name(common_name(name))
            .issuer_name(by.certificate.subject)
            .public_key(key.public_key())
            .serial_number(new_serial())
            .not_valid_before(self.now + starts)
            .not_valid_after(self.now + ends)
        )
        for one in extensions(key):
            builder = builder.add_extension(one.value, one.critical)
        return Issuer(builder.sign(by.key, hashes.SHA256()), key)

    def other_swarm(self, swarm: str) -> Authority:
        """The authority of another swarm under the same root."""
        return replace(self.authority, swarm=swarm, issuing=new_issuing(swarm, self.root, new_key(), self.now))

    def crl(self, *revoked: int, number: int = 1, now: datetime | None = None, issuer: Issuer | None = None) -> bytes:
        """A revocation list in PEM."""
        desk = replace(self.authority, issuing=issuer or self.issuing)
        lines = [Revocation(serial, self.now) for serial in revoked]
        return desk.revocation_list(number, lines, now or self.now).public_bytes(Encoding.PEM)

    @property
    def bundle(self) -> bytes:
        """The root that everybody has."""
        return pem_of([self.root.certificate])

    def trust(self, *crls: bytes) -> Trust:
        """What a careful member of the swarm believes."""
        return Trust.read(SWARM, self.bundle, crls or (self.crl(),), "the bundle")
