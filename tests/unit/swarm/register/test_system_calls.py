"""Killed or failed by the disk in any single system call on the store's files, a register tears nothing."""

# strace counts the calls on the database and its log, and at the chosen one kills the process or lets the call fail.

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shoal_swarm.register import open_register
from tests.unit.swarm.register.wreck import inspect_wreck
from tests.unit.swarm.register.writer import go_on

KILL = "signal=KILL"
FAULTS = {
    "killed in a write": ("pwrite64", KILL),
    "killed in a sync": ("fdatasync", KILL),
    "killed in tidying up": ("ftruncate", KILL),
    "killed in removing the log": ("unlink", KILL),
    "no space for a write": ("pwrite64", "error=ENOSPC"),
    "a write fails": ("pwrite64", "error=EIO"),
    "a sync fails": ("fdatasync", "error=EIO"),
}
"""Which call, and what becomes of it."""


@functools.cache
def _can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not _can_trace(), reason="strace is not installed or may not trace")


def _trace(path: Path, log: Path, *expressions: str) -> subprocess.CompletedProcess[str]:
    strace = ["strace", "-f", "-qq", "-o", str(log), "-P", str(path), "-P", f"{path}-wal"]
    for expression in expressions:
        strace += ["-e", expression]
    writer = [sys.executable, "-m", "tests.unit.swarm.register.writer", f"sqlite:///{path}", "1"]
    return subprocess.run([*strace, *writer], capture_output=True, text=True, check=False)


def _count(folder: Path, call: str) -> int:
    """How often a writer that nobody disturbs makes `call`."""
    log = folder.with_suffix(".log")
    assert _trace(folder / "state" / "register.db", log, f"trace={call}").returncode == 0
    return sum(f"{call}(" in line for line in log.read_text().splitlines())


def _meet(folder: Path, fault: str, when: int) -> None:
    """Let a writer meet the fault at the call with number `when`, and look at what it leaves."""
    path = folder / "state" / "register.db"
    call, what = FAULTS[fault]
    met = _trace(path, Path("/dev/null"), f"trace={call}", f"inject={call}:{what}:when={when}")
    acknowledged = met.stdout.splitlines()
    if what == KILL:
        assert met.returncode, f"call {when} was not made"
    elif met.returncode:
        assert "PlaceRefused" in met.stderr, "a failing disk comes out as a sentence"
    inspect_wreck(f"sqlite:///{path}", acknowledged)
    with open_register(f"sqlite:///{path}") as register:
        acknowledged += go_on(register, 1)
    inspect_wreck(f"sqlite:///{path}", acknowledged)


@needs_strace
@pytest.mark.parametrize(("fault", "when"), [("killed in a write", 60), ("a sync fails", 6)])
def test_a_fault_in_the_middle(tmp_path: Path, fault: str, when: int) -> None:
    _meet(tmp_path, fault, when)


@needs_strace
@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_every_fifth_call(tmp_path: Path, fault: str) -> None:
    _meet_all(tmp_path, fault, stride=5)


@needs_strace
@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_every_single_call(tmp_path: Path, fault: str) -> None:
    _meet_all(tmp_path, fault, stride=1)


def _meet_all(folder: Path, fault: str, stride: int) -> None:
    calls = _count(folder / "undisturbed", FAULTS[fault][0])
    assert calls
    for when in range(1, calls + 1, stride):
        _meet(folder / str(when), fault, when)
