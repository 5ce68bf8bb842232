"""The commands that change something, and what may be true of the folder when one of them died half-way."""

from dataclasses import dataclass
from pathlib import Path

from shoal_base.errors import InputRefused
from shoal_certs.authority_folder import AUTHORITY, AuthorityPlaces
from shoal_certs.certificates import read_certificate, read_chain, serial_hex
from shoal_certs.checkup import check_up
from shoal_certs.cli.options import now
from shoal_certs.identity_folder import identity_folders
from shoal_certs.requests import read_request
from tests.unit.certs.desk import SWARM, hidden_files, make_swarm, must, root_fingerprint


@dataclass(frozen=True, slots=True)
class Case:
    """One command in the world that `make_world` makes."""

    name: str
    arguments: tuple[str, ...]
    looked_at: str = "reef"
    intended: tuple[str, ...] = ()
    """Pieces of the problems that may be there before or after, since the command is about them."""

    done: tuple[str, ...] = ()
    """Pieces of what the command says when it is run again after it had taken effect."""

    def words(self, world: Path) -> list[str]:
        """The command line in this world."""
        return [word.format(world=world, root=_root(world), dan=short_hash_of(world, "dan")) for word in self.arguments]


def _root(world: Path) -> str:
    return root_fingerprint(world / "reef")


_DIR = ("--dir", "{world}/reef")
_DAN = ("approve", "{world}/dan/request.json", "--role", "node", "--name", "dan")
_NO_CERTIFICATE = ("has no certificate yet",)

CASES = [
    Case(
        "init",
        ("init", "--swarm", SWARM, "--out", "{world}/new"),
        looked_at="new",
        intended=("is neither a swarm's folder",),
        done=("is there already and is never overwritten",),
    ),
    Case("issue", ("issue", "--role", "node", "--name", "eve", *_DIR), done=("has a certificate until",)),
    Case(
        "issue-replace",
        ("issue", "--role", "node", "--name", "gil", "--replace", *_DIR),
        done=("is there already",),
    ),
    Case("renew", ("renew", "ana", *_DIR)),
    Case("renew-same-key", ("renew", "ana", "--same-key", *_DIR)),
    Case("renew-issuing", ("renew", "--issuing", *_DIR)),
    Case("revoke", ("revoke", "ben", *_DIR), intended=("revoked",)),
    Case("crl", ("crl", *_DIR)),
    Case("approve", (*_DAN, "--hash", "{dan}", *_DIR)),
    Case(
        "request",
        ("request", "--swarm", SWARM, "--role", "node", "--name", "fay", "--out", "{world}/fay"),
        looked_at="fay",
        intended=("is neither a swarm's folder", *_NO_CERTIFICATE),
        done=("A request waits",),
    ),
    Case(
        "install",
        ("install", "{world}/cyd/response.json", "--into", "{world}/cyd", "--root", "{root}"),
        looked_at="cyd",
        intended=_NO_CERTIFICATE,
    ),
    Case(
        "install-renewal",
        ("install", "{world}/hal/response.json", "--into", "{world}/hal"),
        looked_at="hal",
    ),
    Case(
        "install-crl",
        ("install", "{world}/reef/capath/crl.pem", "--into", "{world}/hal"),
        looked_at="hal",
    ),
]


def make_world(world: Path) -> Path:
    """An authority, an answered request, one that waits, and a party that asked for a renewal."""
    reef = make_swarm(world / "reef", ["ana", "ben", "gil"])
    (reef / "gil").rename(world / "gil-elsewhere")
    for name in ("cyd", "dan", "hal"):
        told = _ask(world, name)
        if name != "dan":
            _approve(world, name, told)
    must("install", world / "hal/response.json", "--into", world / "hal", "--root", _root(world))
    _approve(world, "hal", _ask(world, "hal", "--renewal"), "--renewal")
    must("crl", "--dir", reef)
    return world


def short_hash_of(world: Path, name: str) -> str:
    """What the asker reads out."""
    return read_request((world / name / "request.json").read_bytes(), name).short_hash


def _ask(world: Path, name: str, *more: str) -> str:
    must("request", "--swarm", SWARM, "--role", "node", "--name", name, "--out", world / name, *more)
    return short_hash_of(world, name)


def _approve(world: Path, name: str, told: str, *more: str) -> None:
    request = world / name / "request.json"
    must("approve", request, "--role", "node", "--name", name, "--hash", told, "--dir", world / "reef", *more)


def problems_in(folder: Path) -> list[str]:
    """What `verify` has to say against a folder."""
    try:
        return check_up(folder, now()).problems
    except InputRefused as refusal:
        return [str(refusal)]


def check_folder(world: Path, case: Case) -> None:
    """The folder verifies, apart from what the command is about, and no serial names two certificates."""
    problems = problems_in(world / case.looked_at)
    unexpected = [one for one in problems if not any(part in one for part in case.intended)]
    assert not unexpected, f"{case.name}: {unexpected}"
    for reef in (world / "reef", world / "new"):
        if (reef / AUTHORITY).exists():
            _check_serials(reef)


def check_nothing_left(world: Path, case: Case) -> None:
    """Whoever died, the next command has swept."""
    assert not hidden_files(world / case.looked_at), case.name


def _check_serials(reef: Path) -> None:
    records = AuthorityPlaces(reef).records.all()
    assert len({record.serial for record in records}) == len(records)
    recorded = {record.serial: record.certificate.encode() for record in records}
    for serial, pem in recorded.items():
        assert _serial_of(pem) == serial
    for folder in identity_folders(reef):
        pem = (folder / "cert.pem").read_bytes()
        assert recorded[_serial_of(pem)] in pem, f"{folder} and the record of its serial differ"


def _serial_of(pem: bytes) -> str:
    return serial_hex(read_certificate(read_chain(pem, "a file")[0], "a file").serial_number)
