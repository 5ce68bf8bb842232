"""Processes that this one starts, listens to, and starts again when they die.

A child has a session of its own, so Ctrl-C in a terminal reaches only whoever started it, who then asks the children
to end one by one. A child whose parent is gone, however that happened, is asked to end by the kernel: nobody is left
behind to hold ports and files that a new start needs.
"""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shoal_base.errors import PlaceRefused, ShoalError
from shoal_base.exits import ExitCode
from shoal_base.logs import get_log
from shoal_swarm.service.restarts import HOPELESS, Again, End, Finished, GivenUp, Restarts

SHOAL: Final = (sys.executable, "-m", "shoal_swarm.cli")
"""Our own command, in this very installation."""
LAST_LINES: Final = 20
LINE_BYTES_MAX: Final = 1 << 20
GRACE_S: Final = 10.0
"""A child that was asked to end and has not after this long is killed."""
NOTICE: Final = "! "
"""So begins what is said of a child's death, also where one process hears it from another."""
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
Hear = Callable[[str], None]


class ChildFailed(ShoalError):
    """A process that is needed ended and is not started again; the sentence has the last that it said."""

    def __init__(self, end: End, reason: str) -> None:
        super().__init__(f"{end.sentence}\nIt is not started again: {reason}.")
        self.end = end

    def facts(self) -> dict[str, object]:
        """How it ended, beside the sentence; who started us must not try again what is hopeless."""
        code = self.end.code if self.end.code in HOPELESS else int(ExitCode.PROBLEMS)
        return {**super().facts(), "exit": code, "process": self.end.name, "code": self.end.code}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to start."""

    name: str
    """As people know it."""
    arguments: Sequence[str]
    """What follows `shoal`."""
    environment: Mapping[str, str]
    """The whole of it."""
    log: Path | None = None
    """Where everything that it says is appended."""


class Child:
    """One process, over all its starts."""

    def __init__(self, order: Order, hear: Hear, restarts: Restarts | None = None) -> None:
        self.order, self._hear, self._restarts = order, hear, restarts or Restarts()
        self._process: Process | None = None
        self._is_stopping = False
        self._log = get_log(process=order.name)

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def run(self) -> None:
        """Keep it running until it has done its work or was stopped; raises `ChildFailed` where that is hopeless."""
        while not self._is_stopping:
            end = await self._run_once()
            if self._is_stopping:
                return
            match self._restarts.after(end, asyncio.get_running_loop().time()):
                case Finished():
                    return
                case Again(pause_s=pause_s):
                    self._log.warning("process_ended", code=end.code, again_in_s=pause_s, last_lines=end.last_lines)
                    for line in f"{end.sentence}\nIt is started again.".splitlines():
                        self._hear(NOTICE + line)
                    await asyncio.sleep(pause_s)
                case GivenUp(reason=reason):
                    raise ChildFailed(end, reason)

    async def stop(self) -> None:
        """Ask it to end; kill it if it does not."""
        self._is_stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        except TimeoutError:
            self._log.warning("process_killed", grace_s=GRACE_S)
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _run_once(self) -> End:
        last: deque[str] = deque(maxlen=LAST_LINES)
        self._process = process = await self._start()
        self._log.debug("process_started", pid=process.pid)
        assert process.stdout is not None, "its output was asked for"
        while line := await _line(process.stdout):
            text = line.decode(errors="replace").rstrip("\n")
            self._note(line)
            if not text.startswith("{"):  # events of its log are for the log
                last.append(text)
                self._hear(text)
        return End(self.order.name, await process.wait(), tuple(last))

    async def _start(self) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *SHOAL,
                *self.order.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                limit=LINE_BYTES_MAX,
                env=self.order.environment,
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )
        except OSError as problem:
            raise PlaceRefused(f"{self.order.name} cannot be started: {problem}. Free some memory.") from problem

    def _note(self, line: bytes) -> None:
        if self.order.log is None:
            return
        try:
            self.order.log.parent.mkdir(parents=True, exist_ok=True)
            with self.order.log.open("ab") as file:
                file.write(line)
        except OSError as problem:
            raise PlaceRefused(f"{self.order.log} cannot be written: {problem.strerror}. Free space.") from problem


async def _line(stream: asyncio.StreamReader) -> bytes:
    while True:
        try:
            return await stream.readline()
        except ValueError:  # longer than any line of ours; the reader has thrown it away
            continue


def _end_with_parent(parent: int) -> Callable[[], None]:
    def ask() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)  # it died in between

    return ask
