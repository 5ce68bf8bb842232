"""A database as the rest of the room sees it: a place to read and a place to write, in transactions.

What a library raises ends here. The tables and statements above this file are the same for every database;
what differs (how to connect, how a transaction begins, what an error means) is handed in by the database's
own file, such as `sqlite.py`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from shoal_base.errors import ShoalError, Unavailable

WRITES = "shoal_writes"
"""The execution option that tells the database's own file that a transaction is going to write."""


def busy(place: str) -> Unavailable:
    """The error for a store that others hold."""
    return Unavailable(
        f"{place} was held by others for longer than the busy timeout. Try again; if it stays like this, a process "
        "hangs with the store open."
    )


class Store:
    """One open database; may be shared by threads."""

    def __init__(
        self,
        engine: Engine,
        *,
        place: str,
        bytes_type: str,
        busy_timeout_s: float,
        translate: Callable[[DBAPIError, str], ShoalError],
    ) -> None:
        self.place = place
        self.bytes_type = bytes_type
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._busy_timeout_s = busy_timeout_s
        self._translate = translate
        self._one_writes = threading.Lock()
        self._open = True

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the store."""
        with self._ending(self._engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is alone in changing the store; kept whole at the block's end, or not at all.

        The threads of this process queue here, in the order in which they came; other processes are met at
        the database's own lock, where the waiting is by trial.
        """
        if not self._one_writes.acquire(timeout=self._busy_timeout_s):
            raise busy(self.place)
        try:
            with self._ending(self._writer) as connection:
                yield connection
        finally:
            self._one_writes.release()

    def close(self) -> None:
        """Let go of every connection; a transaction that is under way ends first."""
        with self._one_writes:
            self._open = False
            self._engine.dispose()

    @contextmanager
    def _ending(self, engine: Engine) -> Iterator[Connection]:
        if not self._open:
            raise Unavailable(f"The register at {self.place} is closed. Open it again.")
        try:
            with engine.begin() as connection:
                yield connection
        except DBAPIError as problem:
            raise self._translate(problem, self.place) from problem
        except NoFreeConnection as problem:
            raise busy(self.place) from problem
