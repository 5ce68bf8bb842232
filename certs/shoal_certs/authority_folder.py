"""A swarm's authority on disk: its keys, what it issued, and the capath that it hands to everybody.

    DIR/authority/   0700, for the person who runs the swarm, and offline when not in use
        swarm.json  root.pem  root.key.pem  issuing.pem  issuing.key.pem  crl.pem  passphrase  issued/
    DIR/capath/      what every party needs and may see: bundle.pem  crl.pem
    DIR/<name>/      an identity each (see identity_folder.py)

Every change has one instant in which it happens, a rename; before it nothing has changed and after it the
rest can be completed from what lies there. `open` completes whatever an earlier command did not get to.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.authority import Authority, Issuer, Revocation, new_issuing
from shoal_certs.certificates import BUNDLE_BYTES_MAX, Certificate, pem_of, read_certificate, read_chain
from shoal_certs.credentials import BUNDLE_FILE, CAPATH, CRL_FILE
from shoal_certs.files import (
    LOCK_FILE,
    PRIVATE_MODE,
    PUBLIC_FOLDER_MODE,
    SEALED_MODE,
    locked,
    make_folder,
    move,
    read_private,
    read_public,
    remove_tree,
    sweep_partial_files,
    write_file,
)
from shoal_certs.identity import Identity, Role
from shoal_certs.keys import KEY_FILE_BYTES_MAX, key_pem, read_key
from shoal_certs.profile import CRL_VALIDITY
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.records import RecordShelf
from shoal_certs.revocation import CRL_BYTES_MAX, RevocationList

AUTHORITY = "authority"
STAGED = ".authority.new"
LAYOUT = 1


class SwarmFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which swarm an authority is for, and how its folder is laid out."""

    layout: int
    swarm: str


@dataclass(frozen=True, slots=True)
class AuthorityPlaces:
    """Where everything of one authority lies."""

    root: Path

    @property
    def authority(self) -> Path:
        """The private half."""
        return self.root / AUTHORITY

    @property
    def capath(self) -> Path:
        """The half that everybody gets."""
        return self.root / CAPATH

    @property
    def passphrase(self) -> Path:
        """Where `init` leaves a passphrase that it made, until somebody moves it away."""
        return self.authority / "passphrase"

    @property
    def records(self) -> RecordShelf:
        """What was issued."""
        return RecordShelf(self.authority / "issued")

    def swarm(self) -> str:
        """The name of the swarm, or a sentence that says what is wrong with the folder."""
        path = self.authority / "swarm.json"
        if not self.authority.is_dir():
            raise PlaceRefused(f"{self.root} holds no authority; `shoal certs init --out {self.root}` makes one.")
        try:
            found = msgspec.json.decode(read_public(path, BUNDLE_BYTES_MAX), type=SwarmFile)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise PlaceRefused(f"{path} is damaged ({problem}); restore it from a backup.") from problem
        if found.layout != LAYOUT:
            raise PlaceRefused(f"{path} has layout {found.layout}; this version reads {LAYOUT}. Use a newer Shoal.")
        return found.swarm

    def certificate(self, name: str) -> Certificate:
        """The root or the issuing certificate."""
        path = self.authority / f"{name}.pem"
        chain = read_chain(read_public(path, BUNDLE_BYTES_MAX), str(path))
        if len(chain) != 1:
            raise CertificateRefused(Reason.MALFORMED, str(path), f"{len(chain)} certificates instead of one")
        return read_certificate(chain[0], str(path))

    def revocation_lists(self) -> list[RevocationList]:
        """The authority's own copy and the published one, as far as they are there; the highest number is in force."""
        paths = [folder / CRL_FILE for folder in (self.authority, self.capath)]
        return [RevocationList.read(read_public(path, CRL_BYTES_MAX), str(path)) for path in paths if path.exists()]


def create_authority(
    root: Path, swarm: str, now: datetime, passphrase: bytes, *, keep_passphrase: bool
) -> AuthorityPlaces:
    """A new authority under `root`; one that is there is never touched."""
    Identity(swarm, Role.SENTINEL, "check")  # refuses a swarm name that no identity could carry
    places = AuthorityPlaces(root)
    _refuse_to_overwrite(places)
    make_folder(root)
    with locked(root / LOCK_FILE):
        _refuse_to_overwrite(places)  # another command may have made it between the first look and the lock
        _stage_authority(root / STAGED, swarm, now, passphrase, keep_passphrase)
        move(root / STAGED, places.authority)
        _publish(places)
    return places


def _refuse_to_overwrite(places: AuthorityPlaces) -> None:
    if places.authority.exists():
        raise InputRefused(
            f"{places.authority} is there already and is never overwritten. Use it (`shoal certs issue --dir "
            f"{places.root}`) or name another folder with --out."
        )


class OpenAuthority:
    """An authority whose passphrase was right, held against other commands until it is closed."""

    def __init__(self, places: AuthorityPlaces, authority: Authority, passphrase: bytes) -> None:
        self.places = places
        self.authority = authority
        self.records = places.records
        self._passphrase = passphrase

    @property
    def revocation_list(self) -> RevocationList:
        """The list in force."""
        return max(self.places.revocation_lists(), key=lambda one: one.number)

    def revoke(self, serials: list[int], now: datetime, validity: timedelta = CRL_VALIDITY) -> RevocationList:
        """Issue and publish a list that names these serials and all that the last one named."""
        last = self.revocation_list
        lines = [Revocation(serial, at) for serial, at in last.serials.items()]
        lines += [Revocation(serial, now) for serial in serials if serial not in last.serials]
        fresh = self.authority.revocation_list(last.number + 1, lines, now, validity)
        write_file(self.places.capath / CRL_FILE, fresh.public_bytes(Encoding.PEM))
        _publish(self.places)
        return self.revocation_list

    def renew_issuing(self, now: datetime, root_key: Issuer) -> Certificate:
        """A fresh issuing certificate for the same key; leaves and lists that it signed go on to verify."""
        issuing = new_issuing(self.authority.swarm, root_key, self.authority.issuing.key, now)
        write_file(self.places.authority / "issuing.pem", pem_of([issuing.certificate]))
        return issuing.certificate

    def root_issuer(self) -> Issuer:
        """The root with its key; only renewing the issuing certificate needs it."""
        return _open_issuer(self.places, "root", self._passphrase)


@contextmanager
def open_authority(
    places: AuthorityPlaces, passphrase: Callable[[], bytes], heal: Callable[[AuthorityPlaces], None]
) -> Iterator[OpenAuthority]:
    """Unlock the authority, alone, after completing what an interrupted command left."""
    swarm = places.swarm()
    with locked(places.root / LOCK_FILE):
        _sweep(places)
        _publish(places)
        heal(places)
        secret = passphrase()
        issuing = _open_issuer(places, "issuing", secret)
        yield OpenAuthority(places, Authority(swarm, places.certificate("root"), issuing), secret)


def _open_issuer(places: AuthorityPlaces, name: str, passphrase: bytes) -> Issuer:
    path = places.authority / f"{name}.key.pem"
    return Issuer(places.certificate(name), read_key(read_private(path, KEY_FILE_BYTES_MAX), str(path), passphrase))


def _stage_authority(folder: Path, swarm: str, now: datetime, passphrase: bytes, keep_passphrase: bool) -> None:
    remove_tree(folder)
    make_folder(folder)
    make_folder(folder / "issued")
    authority, root = Authority.create(swarm, now)
    write_file(folder / "root.key.pem", key_pem(root.key, passphrase), SEALED_MODE)
    write_file(folder / "issuing.key.pem", key_pem(authority.issuing.key, passphrase), PRIVATE_MODE)
    write_file(folder / "root.pem", pem_of([root.certificate]))
    write_file(folder / "issuing.pem", pem_of([authority.issuing.certificate]))
    write_file(folder / CRL_FILE, authority.revocation_list(1, [], now).public_bytes(Encoding.PEM))
    if keep_passphrase:
        write_file(folder / "passphrase", passphrase + b"\n", PRIVATE_MODE)
    write_file(folder / "swarm.json", msgspec.json.encode(SwarmFile(layout=LAYOUT, swarm=swarm)))


def _publish(places: AuthorityPlaces) -> None:
    """Bring authority and capath to the same revocation list, the newer one, and put a missing bundle in place."""
    make_folder(places.capath, PUBLIC_FOLDER_MODE)
    bundle = places.capath / BUNDLE_FILE
    if not bundle.exists():
        write_file(bundle, pem_of([places.certificate("root")]))
    issuing = places.certificate("issuing")
    lists = places.revocation_lists()
    for one in lists:
        one.check_issuer(issuing, str(places.capath / CRL_FILE))
    newest = max(lists, key=lambda one: one.number)
    for path in (places.capath / CRL_FILE, places.authority / CRL_FILE):
        if not path.exists() or read_public(path, CRL_BYTES_MAX) != newest.pem:
            write_file(path, newest.pem)


def _sweep(places: AuthorityPlaces) -> None:
    remove_tree(places.root / STAGED)
    for folder in (places.root, places.authority, places.authority / "issued", places.capath):
        if folder.is_dir():
            sweep_partial_files(folder)
