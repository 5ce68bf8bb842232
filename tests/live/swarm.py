"""A swarm of real processes on this machine, started with the commands that a person types."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.architecture.repository import ROOT

SHOAL = [sys.executable, "-c", "from shoal_swarm.cli import main; main()"]
PATIENCE_S = 180.0
_POLL_S = 0.02
READY = re.compile(r"ready, listening on ([\d.]+:\d+)")
ROUND = re.compile(r"round (\d+): adapter ([0-9a-f]{64})")
LISTENS = re.compile(r"listens on ([\d.]+:\d+)")


@dataclass
class Process:
    """A started command and what it has said so far."""

    arguments: list[str]
    folder: Path
    name: str
    lines: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=lambda: SHOAL)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = (self.folder / f"{self.name}.log").open("ab")
        environment = {**os.environ, "SHOAL_HOME": str(self.folder / "home"), **self.environment}
        self.popen = subprocess.Popen(
            [*self.command, *self.arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, wanted: re.Pattern[str], what: str = "") -> re.Match[str]:
        """The first line that matches, as soon as it is there."""
        deadline = monotonic() + PATIENCE_S
        while monotonic() < deadline:
            found = next((match for line in list(self.lines) if (match := wanted.search(line))), None)
            if found is not None:
                return found
            if self.popen.poll() is not None and not self._reader.is_alive():
                break
            sleep(_POLL_S)
        raise AssertionError(f"{self.name} did not say {what or wanted.pattern}:\n{self.story()}")

    def adapters(self) -> dict[int, str]:
        """The adapter that this process had after each round."""
        matches = (ROUND.match(line) for line in list(self.lines))
        return {int(match[1]): match[2] for match in matches if match}

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; how it ended."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.wait()

    def waited_s(self) -> float:
        """How long it has waited for a core that others had: a busy machine is not its fault."""
        return int(Path(f"/proc/{self.popen.pid}/schedstat").read_text().split()[1]) / 1e9

    def wait(self) -> int:
        """Wait until it ends by itself."""
        code = self.popen.wait(PATIENCE_S)
        self._reader.join()
        self.log.close()
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code

    def story(self) -> str:
        """What it said and logged, for a test that failed."""
        return "\n".join([*self.lines, (self.folder / f"{self.name}.log").read_text()[-6000:]])


@dataclass
class Swarm:
    """One run's options, an authority's folder, and the processes started so far."""

    folder: Path
    run: list[str]
    started: list[Process] = field(default_factory=list)
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    """What processes of a name are started with besides."""
    through: dict[str, list[str]] = field(default_factory=dict)
    """The command through which processes of a name are started."""
    instead: dict[str, list[str]] = field(default_factory=dict)
    """What processes of a name are started with in place of `shoal`."""

    def make_certificates(self, nodes: int) -> None:
        """`shoal certs init`, as a person would."""
        command = [*SHOAL, "certs", "init", "--swarm", "demo", "--host", "127.0.0.1"]
        command += ["--nodes", str(nodes), "--out", str(self.folder / "certs")]
        subprocess.run(command, check=True, capture_output=True)

    def sentinel(self, port: int = 0) -> Process:
        """Start the sentinel; ready when this returns."""
        process = self.start("sentinel", "sentinel", *self.run, "--port", str(port), *self.keys("sentinel"))
        process.wait_for(READY)
        return process

    def peer(self, number: int, sentinel: str, address: str = "127.0.0.1:0", *more: str) -> Process:
        """Start a peer."""
        name = f"node-{number}"
        where = ["--sentinel", sentinel, "--address", address]
        return self.start(name, "peer", *self.run, *where, *self.keys(name), *more)

    def keys(self, name: str) -> list[str]:
        """The three options that every service takes."""
        certs = self.folder / "certs"
        own = certs / ("sentinel-1" if name == "sentinel" else name)
        capath = own / "capath" if (own / "capath").is_dir() else certs / "capath"
        return ["--key", str(own / "key.pem"), "--cert", str(own / "cert.pem"), "--capath", str(capath)]

    def start(self, name: str, *arguments: str) -> Process:
        """Start a command."""
        process = Process(
            list(arguments),
            self.folder,
            name,
            command=[*self.through.get(name, []), *self.instead.get(name, SHOAL)],
            environment=self.environment.get(name, {}),
        )
        self.started.append(process)
        return process

    def ask(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What a command answers with --json."""
        environment = {**os.environ, "SHOAL_HOME": str(self.folder / "home")}
        done = subprocess.run(
            [*SHOAL, *arguments, "--json"], check=False, capture_output=True, text=True, env=environment
        )
        assert done.returncode == code, done.stdout + done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer


@contextmanager
def swarm(folder: Path, nodes: int, *run: str) -> Iterator[Swarm]:
    """A swarm with its certificates; whatever still runs at the end is killed."""
    made = Swarm(folder, list(run))
    made.make_certificates(nodes)
    with ExitStack() as ends:
        try:
            yield made
        finally:
            for process in made.started:
                ends.callback(process.end, signal.SIGKILL)
