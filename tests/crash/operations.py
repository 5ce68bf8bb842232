"""File operations that are counted, and that kill the process or fail at one that was chosen.

Only what changes the disk counts. The disk before operation k+1 is the disk after operation k, so dying before
each operation, and in the middle of each write, is dying everywhere.
"""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from unittest import mock

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PATHS = ("replace", "rename", "unlink", "remove", "mkdir", "rmdir", "fchmod", "chmod", "link", "symlink")

Strike = Callable[[str], None]


@dataclass
class Operations:
    """Counts operations and calls `strike` at those that `chosen` picks."""

    chosen: Callable[[int], bool]
    strike: Strike
    log: list[str] = field(default_factory=list)

    def reach(self, name: str) -> bool:
        """Note one operation; true where it is the chosen one."""
        self.log.append(name)
        return self.chosen(len(self.log) - 1)

    def before(self, name: str) -> None:
        """Strike before an operation that is whole or not at all."""
        if self.reach(name):
            self.strike(name)


class _File:
    """A file whose writes are two halves, with an operation before each."""

    def __init__(self, file: Any, operations: Operations) -> None:  # noqa: ANN401 - any file object
        self._file, self._operations = file, operations

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the file has it
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        """Two writes that reach the disk one after the other."""
        half = len(data) // 2
        for part in (data[:half], data[half:]):
            self._operations.before("write")
            self._file.write(part)
            self._file.flush()
        return len(data)


@contextmanager
def watched(operations: Operations) -> Iterator[Operations]:
    """Let `operations` see whatever changes the disk; fsync is counted and not done, as nobody pulls the plug."""
    real = {name: getattr(os, name) for name in (*_PATHS, "open", "fdopen", "write")}

    def wrap(name: str) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            operations.before(name)
            return real[name](*args, **kwargs)

        return call

    def open_(path: Any, flags: int, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - os.open's own signature
        if flags & _WRITES:
            operations.before("open")
        return real["open"](path, flags, *args, **kwargs)

    def write(handle: int, data: Any) -> int:  # noqa: ANN401 - any bytes-like object
        half = len(data) // 2
        for part in (data[:half], data[half:]):
            operations.before("write")
            _write_all(real["write"], handle, part)
        return len(data)

    def fdopen(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - os.fdopen's own signature
        return _File(real["fdopen"](*args, **kwargs), operations)

    patches: dict[str, object] = {name: wrap(name) for name in _PATHS}
    patches |= {"open": open_, "fdopen": fdopen, "write": write, "fsync": lambda _: operations.before("fsync")}
    with mock.patch.multiple(os, **patches):
        yield operations


def _write_all(write: Callable[[int, Any], int], handle: int, data: Any) -> None:  # noqa: ANN401 - as above
    while len(data):
        data = data[write(handle, data) :]


def kill(_name: str) -> None:
    """What `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail_with(number: int) -> Strike:
    """What the disk says; taking away and renaming goes on to work on a full one."""

    def strike(name: str) -> None:
        if number != errno.ENOSPC or name in {"open", "write", "mkdir", "fsync"}:
            raise OSError(number, os.strerror(number))

    return strike


def killed_at(at: int, command: Callable[[], object]) -> bool:
    """Run `command` in a child that dies before its operation number `at`; false when it came to its end before."""
    child = os.fork()
    if child == 0:
        try:
            with watched(Operations(lambda index: index == at, kill)):
                command()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
