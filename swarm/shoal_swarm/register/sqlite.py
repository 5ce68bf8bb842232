"""SQLite under a register: one file, safe against kill and power loss.

* `journal_mode=WAL`: readers never wait for the writer. A commit is one run of frames at the end of the log, and counts
  only when its last frame is whole.
* `synchronous=FULL`: the log is on the disk before a commit returns. WAL with the usual NORMAL would survive a killed
  process, but could forget its last commits when the power fails; by then the sentinel has told the swarm.
* `BEGIN IMMEDIATE` for whoever is going to write: the lock is taken before the first read. With a plain BEGIN, two
  transactions can both read version 7, and the second fails on upgrading its lock, at once, whatever its timeout.

Python's own driver begins transactions by itself, lazily and not before DDL; `isolation_level = None` turns
that off, and the engine's `begin` event says what we mean.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from shoal_base.errors import PlaceRefused, ShoalError
from shoal_swarm.register.store import WRITES, Store, busy

CONNECTIONS_MAX = 8
"""So many threads are served at once; more wait for their turn."""

_PRIMARY_CODE = 0xFF


def open_store(path: Path, busy_timeout_s: float) -> Store:
    """A store on the database file `path`, which exists and may be empty."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout_s},
        pool_size=CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=busy_timeout_s,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return Store(engine, place=str(path), bytes_type="BLOB", busy_timeout_s=busy_timeout_s, translate=_translate)


def check_health(store: Store) -> None:
    """Look at every page of the file; raises `PlaceRefused` if one is damaged."""
    with store.reading() as connection:
        verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if verdict != "ok":
        raise _damaged(store.place, str(verdict).splitlines()[-1])


def keep_log(path: Path) -> None:
    """Switch the database to a write-ahead log, for good; raises `PlaceRefused` where the file system cannot do it."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    except sqlite3.Error as problem:
        raise _sentence(problem, str(path)) from problem
    if mode != "wal":
        raise PlaceRefused(
            f"{path} lies where SQLite cannot keep a write-ahead log (it offers {mode!r}). Choose a folder "
            "on a local disk."
        )


def copy_whole(source: Path, target: Path) -> None:
    """Copy the last committed state of `source` into `target`, an empty file, while others may be using it."""
    try:
        with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
            reader.backup(writer)
    except sqlite3.Error as problem:
        raise _sentence(problem, str(target)) from problem


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translate(problem: DBAPIError, place: str) -> ShoalError:
    return _sentence(problem.orig, place)


def _sentence(problem: BaseException | None, place: str) -> ShoalError:
    """The sentence for what SQLite says; its numbers are listed at https://www.sqlite.org/rescode.html."""
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return busy(place)
        case sqlite3.SQLITE_FULL:
            return PlaceRefused(
                f"{place} cannot grow: the disk or the quota is full. What was committed is safe. Make room; the "
                "register then goes on by itself."
            )
        case sqlite3.SQLITE_IOERR:
            return PlaceRefused(
                f"The disk under {place} failed ({problem}). What was committed is safe; the last write is unknown "
                "until it is read again. Look at the system's log."
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _damaged(place, str(problem))
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            return PlaceRefused(
                f"{place} cannot be opened for writing ({problem}). Give the file and its folder to the user who "
                "runs the sentinel."
            )
        case _:
            return PlaceRefused(f"{place} answers {problem}. Its tables are not as this Shoal left them.")


def _damaged(place: str, detail: str) -> PlaceRefused:
    return PlaceRefused(
        f"{place} is damaged or no database ({detail}). Leave it as it is, and put a backup in its place, or rebuild "
        "the register from the nodes' ledgers."
    )
