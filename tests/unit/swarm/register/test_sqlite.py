"""Every connection is set up to be durable, and what SQLite complains of comes out as a sentence."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from shoal_base.errors import PlaceRefused, Unavailable
from shoal_swarm.register import Register, Won, open_register, sqlite
from shoal_swarm.register.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of a test lies."""
    return tmp_path / "state" / "register.db"


@pytest.fixture
def register(path: Path) -> Iterator[Register]:
    """A register that does not wait for others."""
    with open_register(f"sqlite:///{path}", busy_timeout_s=0.05) as opened:
        opened.runs.create("reviews", bytes(32), b"")
        yield opened


@pytest.fixture
def store(register: Register, path: Path) -> Iterator[Store]:
    """The bare store under the same file."""
    assert register.runs.list()
    opened = sqlite.open_store(path, 0.05)
    yield opened
    opened.close()


def test_every_connection_is_durable_and_keeps_foreign_keys(store: Store) -> None:
    line = Barrier(sqlite.CONNECTIONS_MAX)

    def look(_: int) -> list[object]:
        with store.reading() as connection:
            line.wait()
            driver = connection.connection.driver_connection
            assert getattr(driver, "isolation_level", "none") is None, "nobody but us begins a transaction"
            return [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "busy_timeout")
            ]

    with ThreadPoolExecutor(sqlite.CONNECTIONS_MAX) as pool:
        found = list(pool.map(look, range(sqlite.CONNECTIONS_MAX)))
    assert found == [["wal", 2, 1, 0, 50]] * sqlite.CONNECTIONS_MAX


def test_one_more_than_there_are_connections_waits_and_gives_up_in_time(store: Store) -> None:
    def read_deep(depth: int) -> None:
        if depth:
            with store.reading() as connection:
                connection.exec_driver_sql("SELECT 1")
                read_deep(depth - 1)

    read_deep(sqlite.CONNECTIONS_MAX)
    with pytest.raises(Unavailable):
        read_deep(sqlite.CONNECTIONS_MAX + 1)


def test_a_writer_takes_the_lock_before_it_reads(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        with store.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        with store.reading() as connection:
            connection.exec_driver_sql("SELECT * FROM runs").all()
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")


def test_who_finds_the_store_held_is_told_to_try_again_and_may_read(register: Register, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="held by others"):
            register.runs.write("reviews", 1, b"two")
        run = register.runs.read("reviews")
        assert run is not None
        assert run.version == 1
        other.execute("ROLLBACK")
    assert register.runs.write("reviews", 1, b"two") == Won(version=2)


def test_threads_of_one_register_queue_and_give_up_in_time(store: Store) -> None:
    def write() -> None:
        with store.writing():
            pass

    with ThreadPoolExecutor(1) as pool:
        with store.writing(), pytest.raises(Unavailable, match="held by others"):
            pool.submit(write).result()
        pool.submit(write).result()


def test_a_store_that_may_not_grow_says_so_and_goes_on_when_it_may(register: Register) -> None:
    def limit(connection: sqlite3.Connection, pages: int) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    @event.listens_for(Pool, "checkout")
    def keep_small(connection: sqlite3.Connection, *_: object) -> None:
        limit(connection, 30)

    try:
        version = _write_until_full(register)
    finally:
        event.remove(Pool, "checkout", keep_small)

    @event.listens_for(Pool, "checkout")
    def let_grow(connection: sqlite3.Connection, *_: object) -> None:
        limit(connection, 2**30)

    try:
        for number in range(20):
            assert register.tasks.submit(f"later-{number}", bytes(10_000))
    finally:
        event.remove(Pool, "checkout", let_grow)
    run = register.runs.read("reviews")
    assert run is not None
    assert run.version == version


def _write_until_full(register: Register) -> int:
    version = 1
    for number in range(100):
        try:
            register.tasks.submit(f"task-{number}", bytes(10_000))
            outcome = register.runs.write("reviews", version, bytes(100))
        except PlaceRefused as refusal:
            assert "full" in str(refusal)  # noqa: PT017 - the loop ends here, at whichever write it was
            assert len(register.tasks.list()) in (number, number + 1)
            return version
        assert outcome == Won(version=version + 1)
        version += 1
    pytest.fail("the store grew without a bound")


def test_a_table_that_is_gone_is_a_sentence_too(register: Register, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE tasks")
    with pytest.raises(PlaceRefused, match="no such table: tasks"):
        register.tasks.list()


_WRITER = """
import os, sys
from shoal_swarm.register import open_register
with open_register(sys.argv[1]) as register:
    register.runs.create("reviews", bytes(32), b"")
    for version in range(1, 6):
        os.write(1, b"asking\\n")
        register.runs.write("reviews", version, bytes(3000))
        os.write(1, b"done\\n")
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_write_is_on_the_disk_before_it_is_done(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "strace.log"
    strace = ["strace", "-f", "-y", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(log)]
    subprocess.run(
        [*strace, sys.executable, "-c", _WRITER, f"sqlite:///{path}"],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    writes = re.findall(r'"asking\\n"(.*?)"done\\n"', log.read_text(), re.DOTALL)
    assert len(writes) == 5
    for calls in writes:
        on_log = [line.split()[1].split("(")[0] for line in calls.splitlines() if "register.db-wal>" in line]
        assert "pwrite64" in on_log
        assert on_log[-1] in ("fsync", "fdatasync")
