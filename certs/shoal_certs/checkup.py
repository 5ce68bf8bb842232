"""What is wrong, or will be soon, with a folder of ours: every finding is a sentence, and nothing is changed.

A problem is something that a peer would refuse, or that lets others in; a warning is something that will be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from shoal_base.errors import InputRefused, ShoalError
from shoal_certs.authority_folder import AUTHORITY, AuthorityPlaces
from shoal_certs.certificates import BUNDLE_BYTES_MAX, der_of, read_chain
from shoal_certs.credentials import BUNDLE_FILE, CERT_FILE, CRL_FILE, KEY_FILE, CredentialFiles, Credentials
from shoal_certs.files import read_private, read_public
from shoal_certs.identity_folder import REQUEST_FILE, identity_folders
from shoal_certs.keys import KEY_FILE_BYTES_MAX
from shoal_certs.profile import WARNING_DAYS
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.records import live_records

_RENEW_LIST = "run shoal certs crl, and hand it on"


@dataclass(slots=True)
class Findings:
    """What a check-up found; it goes on after each finding, so that one run names them all."""

    checked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def about(self, what: str) -> Iterator[None]:
        """Look at one thing; a refusal becomes a problem."""
        self.checked.append(what)
        try:
            yield
        except ShoalError as refusal:
            self.problems.append(str(refusal))

    def ends(self, what: str, at: datetime, now: datetime, mend: str) -> None:
        """Warn of what ends soon."""
        days = (at - now).days
        if at >= now and days < WARNING_DAYS[0]:
            left = "less than a day" if days < 1 else f"{days} day{'s' if days > 1 else ''}"
            self.warnings.append(f"{what} ends on {at:%Y-%m-%d}, in {left}: {mend}.")


def check_up(path: Path, now: datetime) -> Findings:
    """Examine a swarm's folder or an identity's."""
    findings = Findings()
    if (path / AUTHORITY).exists():
        _check_authority(AuthorityPlaces(path), now, findings)
    elif not any((path / name).exists() for name in (CERT_FILE, KEY_FILE)) and not identity_folders(path):
        raise InputRefused(
            f"{path} is neither a swarm's folder (with {AUTHORITY}/) nor an identity's (with {CERT_FILE}); "
            "name the folder that `init`, `issue` or `request` printed."
        )
    for folder in identity_folders(path) or ([] if (path / AUTHORITY).exists() else [path]):
        _check_identity(folder, now, findings)
    return findings


def _check_identity(folder: Path, now: datetime, findings: Findings) -> None:
    files = CredentialFiles.in_folder(folder)
    if not files.cert.exists():
        waits = (
            f"a request waits in {folder / REQUEST_FILE}" if (folder / REQUEST_FILE).exists() else "none was asked for"
        )
        findings.checked.append(str(folder))
        findings.problems.append(f"{folder} has no certificate yet; {waits}. Install the answer to the request.")
        return
    with findings.about(str(folder)):
        credentials = Credentials.load(files, now)
        name = credentials.identity.name
        findings.ends(f"{credentials.identity}", credentials.certified.ends_at, now, f"run shoal certs renew {name}")
        newest = max(credentials.trust.lists, key=lambda one: one.number)
        findings.ends(f"The revocation list in {files.capath}", newest.ends_at, now, _RENEW_LIST)


def _check_authority(places: AuthorityPlaces, now: datetime, findings: Findings) -> None:
    with findings.about(str(places.authority)):
        places.swarm()
        for name in ("root", "issuing"):
            _check_authority_certificate(places, name, now, findings)
    with findings.about(str(places.authority / "issued")):
        live = live_records(places.records.all(), (), now)
        findings.checked.append(f"{len(live)} certificates that have not expired")
    with findings.about(str(places.capath / BUNDLE_FILE)):
        _check_bundle(places, findings)
    with findings.about(str(places.capath / CRL_FILE)):
        _check_lists(places, findings, now)
    if places.passphrase.exists():
        with findings.about(str(places.passphrase)):
            read_private(places.passphrase, KEY_FILE_BYTES_MAX)
        findings.warnings.append(
            f"The passphrase lies beside the keys that it protects: move {places.passphrase} to a safe place."
        )


def _check_authority_certificate(places: AuthorityPlaces, name: str, now: datetime, findings: Findings) -> None:
    certificate = places.certificate(name)
    key = places.authority / f"{name}.key.pem"
    if name == "root" and not key.exists():
        findings.checked.append(f"{key} is elsewhere; only `renew --issuing` needs it")
    else:
        read_private(key, KEY_FILE_BYTES_MAX)
    at = certificate.not_valid_after_utc
    if at < now:
        findings.problems.append(f"The {name} certificate of {places.root} ended on {at:%Y-%m-%d}: {_mend(name)}.")
    findings.ends(f"The {name} certificate of {places.root}", at, now, _mend(name))


def _mend(name: str) -> str:
    return "run shoal certs renew --issuing" if name == "issuing" else "make a new authority and hand on its bundle"


def _check_bundle(places: AuthorityPlaces, findings: Findings) -> None:
    path = places.capath / BUNDLE_FILE
    if not path.exists():
        findings.warnings.append(f"{path} is not there yet; `shoal certs crl` puts it in place.")
        return
    if der_of(places.certificate("root")) not in read_chain(read_public(path, BUNDLE_BYTES_MAX), str(path)):
        raise CertificateRefused(Reason.WRONG_ROOT, str(path), "the authority's own root is not in it")


def _check_lists(places: AuthorityPlaces, findings: Findings, now: datetime) -> None:
    lists = places.revocation_lists()
    about = str(places.capath / CRL_FILE)
    for one in lists:
        one.check_issuer(places.certificate("issuing"), about)
    newest = max(lists, key=lambda one: one.number)
    newest.check_time(now, about)
    if not (places.capath / CRL_FILE).exists() or min(lists, key=lambda one: one.number).number != newest.number:
        findings.warnings.append(
            f"{about} and the authority's copy differ; the newer is in force. `shoal certs crl` brings them together."
        )
