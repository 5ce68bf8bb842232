"""Parties for tests: an authority in a folder, and members with files as services read them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shoal_certs.authority import Authority, Issuer, Revocation, Wish, new_serial
from shoal_certs.certificates import pem_of
from shoal_certs.credentials import BUNDLE_FILE, CERT_FILE, CRL_FILE, KEY_FILE, CredentialFiles
from shoal_certs.files import PRIVATE_MODE, write_file
from shoal_certs.identity import Identity, Role
from shoal_certs.keys import key_pem, new_key
from shoal_certs.revocation import RevocationList
from shoal_swarm.transport.keyring import Keyring


@dataclass
class Town:
    """One swarm's authority and the folder where everybody's files lie; all share one capath."""

    folder: Path
    swarm: str = "reef"
    authority: Authority = field(init=False)
    root: Issuer = field(init=False)
    revoked: list[Revocation] = field(default_factory=list)
    crl_number: int = 0

    def __post_init__(self) -> None:
        self.authority, self.root = Authority.create(self.swarm, now())
        self.capath.mkdir(parents=True, exist_ok=True)
        write_file(self.capath / BUNDLE_FILE, pem_of([self.authority.root]))
        self.publish()

    @property
    def capath(self) -> Path:
        return self.folder / "capath"

    def publish(self) -> None:
        """A new revocation list."""
        self.crl_number += 1
        listed = self.authority.revocation_list(self.crl_number, self.revoked, now())
        write_file(self.capath / CRL_FILE, RevocationList(listed, self.crl_number).pem)

    def files(self, name: str, role: Role = Role.NODE, lifetime: timedelta = timedelta(days=1)) -> CredentialFiles:
        """A member with a fresh certificate; called again for the same name, it is a rotation."""
        folder = self.folder / f"{role}-{name}"
        folder.mkdir(exist_ok=True)
        key = new_key()
        wish = Wish(Identity(self.swarm, role, name), lifetime=lifetime)
        leaf = self.authority.issue(wish, key.public_key(), now(), new_serial())
        files = CredentialFiles(folder / CERT_FILE, folder / KEY_FILE, self.capath)
        write_file(files.next_key, key_pem(key), PRIVATE_MODE)
        write_file(files.cert, pem_of([leaf, *self.authority.chain]))
        write_file(files.key, key_pem(key), PRIVATE_MODE)
        return files

    def keyring(self, name: str, role: Role = Role.NODE) -> Keyring:
        return Keyring(self.files(name, role))

    def revoke(self, serial: int) -> None:
        """From the next list on, nobody believes this certificate."""
        self.revoked.append(Revocation(serial, now()))
        self.publish()


def now() -> datetime:
    return datetime.now(UTC)
