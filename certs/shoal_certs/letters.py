"""The asker's side of a certificate by letter: make a key, send a request, put the answer in place.

Trust in the root is never taken from the answer itself. The first answer needs the root's fingerprint, told
by another way; later ones are checked against the bundle that is then in place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.certificates import BUNDLE_BYTES_MAX, pem_of, read_certificate, read_chain
from shoal_certs.credentials import BUNDLE_FILE, CAPATH, CRL_FILE, CredentialFiles, identity_in, key_for
from shoal_certs.files import (
    LOCK_FILE,
    PRIVATE_MODE,
    PUBLIC_FOLDER_MODE,
    locked,
    make_folder,
    read_private,
    read_public,
    remove,
    sweep_partial_files,
    write_file,
)
from shoal_certs.identity import Identity
from shoal_certs.identity_folder import NEXT_CERT_FILE, REQUEST_FILE, complete_renewal
from shoal_certs.keys import KEY_FILE_BYTES_MAX, key_pem, new_key, read_key
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.requests import Response, check_roots, read_request, read_response, write_request
from shoal_certs.revocation import CRL_BYTES_MAX, RevocationList
from shoal_certs.validator import Certified, Trust, validate


def begin_request(folder: Path, wanted: Identity, *, renewal: bool) -> tuple[Path, str]:
    """Make a key in `folder` and a request for it; returns the request's place and short hash."""
    make_folder(folder)
    with locked(folder / LOCK_FILE):
        sweep_partial_files(folder)
        return _begin_request(folder, wanted, renewal=renewal)


def _begin_request(folder: Path, wanted: Identity, *, renewal: bool) -> tuple[Path, str]:
    files, request = CredentialFiles.in_folder(folder), folder / REQUEST_FILE
    if files.cert.exists():
        complete_renewal(folder)
        if not renewal:
            raise InputRefused(f"{files.cert} is there already; say --renewal to ask for one that replaces it.")
    if request.exists():
        waiting = read_request(read_public(request, BUNDLE_BYTES_MAX), str(request))
        raise InputRefused(
            f"A request waits in {request} (hash {waiting.short_hash}): send that one, or delete it and ask again."
        )
    place = files.next_key if files.cert.exists() else files.key
    if not place.exists():
        write_file(place, key_pem(new_key()), PRIVATE_MODE)
    data, short_hash = write_request(wanted, read_key(read_private(place, KEY_FILE_BYTES_MAX), str(place)))
    write_file(request, data)
    return request, short_hash


def install_response(folder: Path, data: bytes, about: str, now: datetime, told_root: str | None) -> Certified:
    """Check an answer as a careful peer would, then put it in place; the certificate comes last and all at once."""
    response = read_response(data, about)
    with _alone_in(folder):
        return _install_response(folder, response, about, now, told_root)


def _install_response(folder: Path, response: Response, about: str, now: datetime, told_root: str | None) -> Certified:
    capath = folder / CAPATH
    bundle = pem_of(response.trust.roots)
    if told_root is not None:
        check_roots(bundle, told_root, about)
    elif (capath / BUNDLE_FILE).exists():
        bundle = read_public(capath / BUNDLE_FILE, BUNDLE_BYTES_MAX)
    else:
        raise InputRefused(
            "The first answer needs --root with the fingerprint of the swarm's root, which the person who runs the "
            "authority reads to you (`shoal certs show` prints it)."
        )
    trust = Trust.read(response.trust.swarm, bundle, [response.crl_pem], about)
    certified = validate(response.chain, trust, now, about=about)
    _check_same_party(folder, certified)
    key_for(certified.leaf, CredentialFiles.in_folder(folder))  # refuses what nobody here asked for
    _check_newer_list(capath, trust.lists[0], about)
    make_folder(capath, PUBLIC_FOLDER_MODE)
    for path, content in (
        (capath / BUNDLE_FILE, bundle),
        (capath / CRL_FILE, trust.lists[0].pem),
        (folder / NEXT_CERT_FILE, pem_of([certified.leaf, *certified.chain])),
    ):
        write_file(path, content)
    complete_renewal(folder)
    remove(folder / REQUEST_FILE)
    return certified


def install_revocation_list(folder: Path, pem: bytes, about: str, now: datetime) -> RevocationList:
    """Put a newer revocation list in place; it is believed for its signature, whoever carried it here."""
    with _alone_in(folder):
        return take_revocation_list(CredentialFiles.in_folder(folder), pem, about, now)


def take_revocation_list(files: CredentialFiles, pem: bytes, about: str, now: datetime) -> RevocationList:
    """The same for a process that was sent a list while it runs: whoever sent it, the authority signed it."""
    fresh = RevocationList.read(pem, about)
    chain = read_chain(read_public(files.cert, BUNDLE_BYTES_MAX), str(files.cert))
    issuers = [read_certificate(der, str(files.cert)) for der in chain[1:]]
    issuer = next((one for one in issuers if fresh.is_from(one)), None)
    if issuer is None:
        raise CertificateRefused(Reason.CRL_WRONG_ISSUER, about)
    fresh.check_issuer(issuer, about)
    fresh.check_time(now, about)
    _check_newer_list(files.capath, fresh, about)
    write_file(files.capath / CRL_FILE, fresh.pem)
    return fresh


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder against other commands, and sweep what those that died left."""
    if not folder.is_dir():
        raise PlaceRefused(f"{folder} is no folder; name the one that `shoal certs request` made.")
    with locked(folder / LOCK_FILE):
        sweep_partial_files(folder)
        sweep_partial_files(CredentialFiles.in_folder(folder).capath)
        yield


def _check_same_party(folder: Path, certified: Certified) -> None:
    cert = CredentialFiles.in_folder(folder).cert
    if not cert.exists():
        return
    current = identity_in(read_chain(read_public(cert, BUNDLE_BYTES_MAX), str(cert)), str(cert))
    if current != certified.identity:
        raise CertificateRefused(Reason.NOT_EXPECTED, str(folder), f"{certified.identity} in place of {current}")


def _check_newer_list(capath: Path, fresh: RevocationList, about: str) -> None:
    place = capath / CRL_FILE
    if place.exists():
        fresh.check_replaces(RevocationList.read(read_public(place, CRL_BYTES_MAX), str(place)), about)
