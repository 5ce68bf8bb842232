"""An identity on disk: `key.pem`, `cert.pem`, and what lies beside them while one of the two is being replaced.

    key.pem           0600, the private key; it never leaves this folder
    cert.pem          the leaf and the issuing certificate
    capath/           bundle.pem and crl.pem, where the identity came by request; else it is the authority's
    key.next.pem      the key of a renewal or of a request that is not answered yet
    cert.next.pem     a renewed certificate that is not in force yet

The instant in which a renewal happens is the rename of `cert.next.pem`; see credentials.py for how readers
find the key at every moment of it.
"""

from collections.abc import Callable
from pathlib import Path

from shoal_base.errors import PlaceRefused
from shoal_certs.authority_folder import AuthorityPlaces
from shoal_certs.certificates import BUNDLE_BYTES_MAX, p256_key_of, read_certificate, read_chain
from shoal_certs.credentials import CERT_FILE, KEY_FILE, CredentialFiles
from shoal_certs.files import (
    PRIVATE_MODE,
    make_folder,
    move,
    read_private,
    read_public,
    remove,
    remove_tree,
    sweep_partial_files,
    write_file,
)
from shoal_certs.keys import KEY_FILE_BYTES_MAX, PrivateKey, key_pem, read_key

NEXT_CERT_FILE = "cert.next.pem"
REQUEST_FILE = "request.json"
_STAGED_PREFIX = "."
_STAGED_SUFFIX = ".new"

Remember = Callable[[], None]
"""Writes the authority's record of the certificate; called when the files are safe and before they take effect."""


def staged_folder(folder: Path) -> Path:
    """Where a new identity is laid out before it gets its name."""
    return folder.with_name(f"{_STAGED_PREFIX}{folder.name}{_STAGED_SUFFIX}")


def place_new_identity(folder: Path, key: PrivateKey, chain_pem: bytes, remember: Remember) -> None:
    """A whole identity appears at once, or not at all."""
    if folder.exists() or folder.is_symlink():
        raise PlaceRefused(f"{folder} is there already; move it away, or renew it with `shoal certs renew`.")
    staged = staged_folder(folder)
    remove_tree(staged)
    make_folder(staged)
    write_file(staged / KEY_FILE, key_pem(key), PRIVATE_MODE)
    write_file(staged / CERT_FILE, chain_pem)
    remember()
    move(staged, folder)


def place_renewal(folder: Path, key: PrivateKey, chain_pem: bytes, remember: Remember) -> None:
    """Replace certificate and key of an identity that is there."""
    files = CredentialFiles.in_folder(folder)
    write_file(files.next_key, key_pem(key), PRIVATE_MODE)
    write_file(folder / NEXT_CERT_FILE, chain_pem)
    remember()
    complete_renewal(folder)


def complete_renewal(folder: Path) -> None:
    """Bring the certificate that lies ready into force, then its key into place."""
    files = CredentialFiles.in_folder(folder)
    if (folder / NEXT_CERT_FILE).exists():
        move(folder / NEXT_CERT_FILE, files.cert)
    if files.next_key.exists() and _next_key_is_in_force(files):
        move(files.next_key, files.key)


def heal_identities(places: AuthorityPlaces) -> None:
    """Complete every change that the authority had recorded, and take back those it had not."""
    for staged in places.root.glob(f"{_STAGED_PREFIX}*{_STAGED_SUFFIX}"):
        if staged.is_dir() and _is_recorded(places, staged / CERT_FILE):
            move(staged, staged.with_name(staged.name.removeprefix(_STAGED_PREFIX).removesuffix(_STAGED_SUFFIX)))
        else:
            remove_tree(staged)
    for folder in identity_folders(places.root):
        sweep_partial_files(folder)
        _heal_renewal(places, folder)


def identity_folders(root: Path) -> list[Path]:
    """The identities that lie beside an authority."""
    return sorted(path.parent for path in root.glob(f"[!.]*/{CERT_FILE}") if not path.parent.is_symlink())


def _heal_renewal(places: AuthorityPlaces, folder: Path) -> None:
    next_cert = folder / NEXT_CERT_FILE
    if next_cert.exists() and not _is_recorded(places, next_cert):
        remove(next_cert)
    complete_renewal(folder)
    files = CredentialFiles.in_folder(folder)
    if files.next_key.exists() and not (folder / REQUEST_FILE).exists():
        remove(files.next_key)


def _is_recorded(places: AuthorityPlaces, cert: Path) -> bool:
    if not cert.exists():
        return False
    chain = read_chain(read_public(cert, BUNDLE_BYTES_MAX), str(cert))
    return bool(chain) and places.records.holds(read_certificate(chain[0], str(cert)).serial_number)


def _next_key_is_in_force(files: CredentialFiles) -> bool:
    chain = read_chain(read_public(files.cert, BUNDLE_BYTES_MAX), str(files.cert))
    leaf = read_certificate(chain[0], str(files.cert))
    key = read_key(read_private(files.next_key, KEY_FILE_BYTES_MAX), str(files.next_key))
    return key.public_key().public_numbers() == p256_key_of(leaf, str(files.cert)).public_numbers()
