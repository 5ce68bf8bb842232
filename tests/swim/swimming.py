"""`shoal run` as a person types it, in a folder of its own, and a look at everything that it started."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.architecture.repository import ROOT

SHOAL = [sys.executable, "-m", "shoal_swarm.cli"]
PATIENCE_S = 240.0
POLL_S = 0.1


@dataclass(frozen=True)
class Found:
    """A process that a run started, directly or through others."""

    pid: int
    parent: int
    words: list[str]


@dataclass
class Swim:
    """One `shoal run` under way."""

    popen: subprocess.Popen[bytes]
    said: Path

    def wait(self) -> int:
        """How it ended."""
        return self.popen.wait(PATIENCE_S)

    def until(self, wanted: str) -> None:
        """As soon as it has said this."""
        deadline = monotonic() + PATIENCE_S
        while not re.search(wanted, self.story()):
            assert self.popen.poll() is None, self.story()
            assert monotonic() < deadline, self.story()
            sleep(POLL_S)

    def story(self) -> str:
        """All that it said."""
        return self.said.read_text()

    def find(self, *words: str) -> Found:
        """The one process below it whose command line has these words, as soon as there is one."""
        deadline = monotonic() + PATIENCE_S
        while monotonic() < deadline:
            for found in below(self.popen.pid):
                if all(word in found.words for word in words):
                    return found
            sleep(POLL_S)
        raise AssertionError(f"nothing with {words} runs:\n{self.story()}")


def below(pid: int) -> list[Found]:
    """Every process that stems from one."""
    everybody = [one for one in map(_process, Path("/proc").glob("[0-9]*")) if one is not None]
    family, found = {pid}, []
    while fresh := [one for one in everybody if one.parent in family and one.pid not in family]:
        family |= {one.pid for one in fresh}
        found += fresh
    return found


def _process(place: Path) -> Found | None:
    try:
        words = (place / "cmdline").read_bytes().decode().split("\0")
        parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return None  # it is gone
    return Found(int(place.name), parent, words)


@contextmanager
def swim(folder: Path, *arguments: str) -> Iterator[Swim]:
    """Start `shoal run`; whatever of it is left at the end is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "said.txt"
    environment = {**os.environ, "SHOAL_HOME": str(folder / "home")}
    with said.open("ab") as file:
        popen = subprocess.Popen(
            [*SHOAL, "run", *arguments, "--out", str(folder / "out")],
            cwd=ROOT,
            stdout=file,
            stderr=file,
            env=environment,
        )
        try:
            yield Swim(popen, said)
        finally:
            for found in [*below(popen.pid)]:
                kill(found.pid)
            kill(popen.pid)
            popen.wait()


def kill(pid: int) -> None:
    """As a power cut would."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def summary(folder: Path) -> dict[str, Any]:
    """What came out of the run in this folder."""
    found = json.loads((folder / "out/summary.json").read_text())
    assert isinstance(found, dict)
    return found


def digests(folder: Path) -> set[str]:
    """Of the adapters of all nodes."""
    return {node["digest"] for node in summary(folder)["nodes"].values()}
