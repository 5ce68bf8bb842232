"""A swarm's folder to test with: made by the real commands, copied where a test wants to break it."""

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from shoal_base.command import run
from shoal_certs.authority_folder import AuthorityPlaces
from shoal_certs.certificates import fingerprint
from shoal_certs.cli import certs

SWARM = "reef.example"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, object]:
        """What stood on stdout, read as JSON."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def shoal_certs(*arguments: str | Path) -> Answer:
    """Run `shoal certs ARGUMENTS` in this process."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(certs, [str(argument) for argument in arguments], name="shoal certs")
    return Answer(int(code), out.getvalue(), err.getvalue())


def must(*arguments: str | Path) -> Answer:
    """Run a command that has to end well."""
    answer = shoal_certs(*arguments)
    assert answer.code == 0, f"{arguments} ended with {answer.code}: {answer.err}"
    return answer


def make_swarm(folder: Path, names: Sequence[str] = ("ana", "ben")) -> Path:
    """An authority with a node of each name."""
    must("init", "--swarm", SWARM, "--out", folder)
    for name in names:
        must("issue", "--role", "node", "--name", name, "--dir", folder)
    return folder


def copy_of(folder: Path, to: Path) -> Path:
    """The same files at another place; linked, as nothing of ours ever writes into a file that has its name."""
    shutil.rmtree(to, ignore_errors=True)
    return shutil.copytree(folder, to, symlinks=True, copy_function=os.link)


def root_fingerprint(folder: Path) -> str:
    """What the person who runs the authority reads out."""
    return fingerprint(AuthorityPlaces(folder).certificate("root"))


def hidden_files(folder: Path) -> list[str]:
    """What writers laid aside; only the lock may stay."""
    found = (str(path.relative_to(folder)) for path in folder.rglob(".*") if path.name != ".lock")
    return sorted(found)
