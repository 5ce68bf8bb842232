"""A disk that is full refuses the write with a sentence, loses nothing, and is forgiven when there is room again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal_base.errors import PlaceRefused
from shoal_swarm.register import Register, Won, open_register
from tests.contracts.register.samples import CONFIG_HASH
from tests.unit.swarm.register.wreck import inspect_wreck
from tests.unit.swarm.register.writer import RUN, entries_of, record

DISK_BYTES = 1_000_000
FILLER_BYTES = 600_000
WRITES_MAX = 200


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A very small disk."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(place)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root can make a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_loses_nothing_and_is_forgiven(disk: Path) -> None:
    url = f"sqlite:///{disk}/state/register.db"
    filler = disk / "filler"
    filler.write_bytes(bytes(FILLER_BYTES))
    with open_register(url) as register:
        register.runs.create(RUN, CONFIG_HASH, record(1))
        full_at = _write_until_refused(register, "full")
        for _ in range(3):
            with pytest.raises(PlaceRefused, match="full"):
                register.runs.write(RUN, full_at, record(full_at + 1), entries_of(full_at + 1))
        _assert_at(register, full_at)
        filler.unlink()
        assert _write(register, full_at) == Won(version=full_at + 1)
        _assert_at(register, full_at + 1)
    assert inspect_wreck(url, [f"write {full_at}"])["write"] == full_at


def test_a_disk_that_is_full_at_opening_is_named(disk: Path) -> None:
    (disk / "filler").write_bytes(bytes(DISK_BYTES - 20_000))
    url = f"sqlite:///{disk}/state/register.db"
    with pytest.raises(PlaceRefused, match="full"):
        open_register(url)
    (disk / "filler").unlink()
    with open_register(url) as register:
        assert register.runs.list() == []


_LIMITED = """
import resource, sys
from shoal_base.errors import PlaceRefused
from shoal_swarm.register import open_register
from tests.contracts.register.samples import CONFIG_HASH
from tests.unit.swarm.register.test_disk_full import _write, _write_until_refused, _assert_at
from tests.unit.swarm.register.writer import RUN, record

with open_register(sys.argv[1]) as register:
    register.runs.create(RUN, CONFIG_HASH, record(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    version = _write_until_refused(register, "disk")
    _assert_at(register, version)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _write(register, version)
    _assert_at(register, version + 1)
    sys.stdout.write(f"write {version}")
"""


def test_a_limit_on_the_files_length_loses_nothing_and_is_forgiven(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state/register.db"
    limited = subprocess.run([sys.executable, "-c", _LIMITED, url], stdout=subprocess.PIPE, text=True, check=True)
    version = int(limited.stdout.split()[1])
    assert version > 1
    assert inspect_wreck(url, [limited.stdout])["write"] == version


def _write(register: Register, version: int) -> object:
    return register.runs.write(RUN, version, record(version + 1), entries_of(version + 1))


def _write_until_refused(register: Register, reason: str) -> int:
    """The version at which the record stands when there is no room for the next."""
    for version in range(1, WRITES_MAX):
        try:
            assert _write(register, version) == Won(version=version + 1)
        except PlaceRefused as refusal:
            assert reason in str(refusal)  # noqa: PT017 - which write it is, is not known before
            return version
    pytest.fail("the disk never got full")


def _assert_at(register: Register, version: int) -> None:
    run = register.runs.read(RUN)
    assert run is not None
    assert (run.version, run.record) == (version, record(version))
    assert run.head is not None
    assert run.head.length == (version - 1) * 3
