"""What a party shows and whom it believes: certificate, key, bundle and revocation list, read from their files.

A renewal replaces two files, and nothing replaces two files at once. So the new key is laid beside the old
one first (`key.next.pem`), then the certificate is replaced, then the key. Whoever reads takes the key that
belongs to the certificate, wherever the renewal stands, so every moment of it is a valid pair.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from cryptography import x509

from shoal_base.errors import PlaceRefused
from shoal_certs.certificates import BUNDLE_BYTES_MAX, CERTIFICATE_BYTES_MAX, p256_key_of, read_certificate, read_chain
from shoal_certs.files import read_private, read_public
from shoal_certs.identity import Identity
from shoal_certs.keys import KEY_FILE_BYTES_MAX, PrivateKey, key_pem, read_key
from shoal_certs.leaf_rules import identity_of
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.revocation import CRL_BYTES_MAX
from shoal_certs.signing import Signer
from shoal_certs.validator import Certified, Trust, validate

CERT_FILE = "cert.pem"
KEY_FILE = "key.pem"
CAPATH = "capath"
BUNDLE_FILE = "bundle.pem"
CRL_FILE = "crl.pem"

READS_MAX = 3
"""A renewal moves two files; whoever reads one before and one after it reads again."""


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """Where the files of one party lie; every service takes these three places."""

    cert: Path
    key: Path
    capath: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """The files of an identity's folder; the capath is inside it, or beside it where one host has it all."""
        inside = folder / CAPATH
        return cls(folder / CERT_FILE, folder / KEY_FILE, inside if inside.is_dir() else folder.parent / CAPATH)

    @property
    def next_key(self) -> Path:
        """Where the key of a renewal lies until the certificate is replaced."""
        return self.key.with_name(f"{self.key.stem}.next{self.key.suffix}")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """One party, proved to itself: what it shows is what others would accept."""

    certified: Certified
    key: PrivateKey
    trust: Trust
    cert_pem: bytes
    bundle_pem: bytes
    crl_pem: bytes

    @classmethod
    def load(cls, files: CredentialFiles, now: datetime) -> Self:
        """Read, and refuse whatever a careful peer would refuse."""
        for _ in range(READS_MAX - 1):
            try:
                return cls._load_once(files, now)
            except PlaceRefused:
                continue
            except CertificateRefused as refusal:
                if refusal.reason is not Reason.KEY_MISMATCH:
                    raise
        return cls._load_once(files, now)

    @classmethod
    def _load_once(cls, files: CredentialFiles, now: datetime) -> Self:
        cert_pem = read_public(files.cert, BUNDLE_BYTES_MAX)
        bundle_pem = read_public(files.capath / BUNDLE_FILE, BUNDLE_BYTES_MAX)
        crl_pem = read_public(files.capath / CRL_FILE, CRL_BYTES_MAX)
        chain = read_chain(cert_pem, str(files.cert))
        if not chain:
            raise CertificateRefused(Reason.NO_CERTIFICATE, str(files.cert))
        swarm = identity_in(chain, str(files.cert)).swarm
        trust = Trust.read(swarm, bundle_pem, [crl_pem], str(files.capath))
        certified = validate(chain, trust, now, about=str(files.cert))
        return cls(certified, key_for(certified.leaf, files), trust, cert_pem, bundle_pem, crl_pem)

    @property
    def identity(self) -> Identity:
        """Who this party is."""
        return self.certified.identity

    @property
    def signer(self) -> Signer:
        """Signs as this party."""
        return Signer(self.key)

    @property
    def key_pem(self) -> bytes:
        """The private key, for the TLS library only."""
        return key_pem(self.key)


def identity_in(chain: list[bytes], about: str) -> Identity:
    """Whom a chain claims to be, before anything of it is believed."""
    return identity_of(read_certificate(chain[0][: CERTIFICATE_BYTES_MAX + 1], about), about)


def key_for(leaf: x509.Certificate, files: CredentialFiles) -> PrivateKey:
    """The private key of `leaf`: the one in place, or the one that a renewal laid beside it."""
    wanted = p256_key_of(leaf, str(files.cert)).public_numbers()
    candidates = [path for path in (files.key, files.next_key) if path.exists() or path.is_symlink()]
    if not candidates:
        raise PlaceRefused(f"{files.key} is not there.")
    for path in candidates:
        key = read_key(read_private(path, KEY_FILE_BYTES_MAX), str(path))
        if key.public_key().public_numbers() == wanted:
            return key
    raise CertificateRefused(Reason.KEY_MISMATCH, str(files.key), f"{files.cert} is for another key")
