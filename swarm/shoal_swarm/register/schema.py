"""How a store gets its tables, and how an older store becomes a newer one.

The table `schema` has one row for each version that a store went through. A migration is a list of SQL
statements, and once shipped it is never edited: a store made by it may be anywhere. A change of `tables.py`
comes with a new migration at the end of `MIGRATIONS`; a test compares what they build with `tables.py`.

All that is missing is done in one transaction, which also holds the writers' lock while the backup is taken: a crash
leaves the old store, and nothing can slip in between the backup and the change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, insert, inspect, select

from shoal_base.errors import PlaceRefused
from shoal_swarm.register.store import Store
from shoal_swarm.register.tables import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step from a schema version to the next."""

    version: int
    """The version that it leads to."""

    name: str
    """What it is for, in a few words."""

    statements: Sequence[str]
    """The step in SQL; `{bytes}` stands for the database's own word for bytes."""


MIGRATIONS: Final = (
    Migration(
        version=1,
        name="members, runs, ledger and tasks",
        statements=(
            "CREATE TABLE schema (version BIGINT NOT NULL PRIMARY KEY, name VARCHAR NOT NULL)",
            """CREATE TABLE members (
                name VARCHAR NOT NULL PRIMARY KEY,
                newest BIGINT NOT NULL CHECK (newest >= 1),
                facts {bytes}
            )""",
            """CREATE TABLE boots (
                member VARCHAR NOT NULL REFERENCES members (name),
                nonce {bytes} NOT NULL,
                incarnation BIGINT NOT NULL CHECK (incarnation >= 1),
                PRIMARY KEY (member, nonce),
                UNIQUE (member, incarnation)
            )""",
            """CREATE TABLE runs (
                run_id VARCHAR NOT NULL PRIMARY KEY,
                config_hash {bytes} NOT NULL,
                version BIGINT NOT NULL CHECK (version >= 1),
                record {bytes} NOT NULL
            )""",
            """CREATE TABLE ledger (
                run_id VARCHAR NOT NULL REFERENCES runs (run_id),
                position BIGINT NOT NULL CHECK (position >= 0),
                digest {bytes} NOT NULL,
                body {bytes} NOT NULL,
                PRIMARY KEY (run_id, position)
            )""",
            """CREATE TABLE tasks (
                task_id VARCHAR NOT NULL PRIMARY KEY,
                number BIGINT NOT NULL UNIQUE,
                state VARCHAR NOT NULL,
                note VARCHAR NOT NULL,
                signed {bytes}
            )""",
        ),
    ),
)
"""Every step there ever was, oldest first."""


def find_version(store: Store, migrations: Sequence[Migration]) -> int:
    """The version of `store`, 0 while it is empty; changes nothing.

    Raises `PlaceRefused` if the store is somebody else's or was written by a newer Shoal.
    """
    with store.reading() as connection:
        return _version(connection, store.place, migrations[-1].version)


def bring_up(store: Store, migrations: Sequence[Migration], back_up: Callable[[int], object]) -> None:
    """Lead `store` to the newest version; `back_up` gets the old one before an existing store is changed."""
    newest = migrations[-1].version
    if find_version(store, migrations) == newest:
        return
    with store.writing() as connection:
        found = _version(connection, store.place, newest)
        if found:
            back_up(found)
        for migration in migrations[found:]:
            _apply(connection, migration, store.bytes_type)


def _apply(connection: Connection, migration: Migration, bytes_type: str) -> None:
    for statement in migration.statements:
        connection.exec_driver_sql(statement.format(bytes=bytes_type))
    connection.execute(insert(schema).values(version=migration.version, name=migration.name))


def _version(connection: Connection, place: str, newest: int) -> int:
    there = inspect(connection)
    tables = set(there.get_table_names())
    if not tables:
        return 0
    if schema.name not in tables or {c["name"] for c in there.get_columns(schema.name)} != set(schema.c.keys()):
        raise PlaceRefused(
            f"{place} is a database, but no register of a swarm: its tables are {', '.join(sorted(tables))}. "
            "Name another file; a new one is made where there is none."
        )
    rows, found = connection.execute(select(func.count(), func.max(schema.c.version))).one()
    if not found or rows != found:
        raise PlaceRefused(
            f"{place} does not say which schema version it has ({rows} versions up to {found or 0} are noted). "
            "It was edited by hand or is damaged; put a backup in its place."
        )
    if found > newest:
        raise PlaceRefused(
            f"{place} has schema version {found}, and this Shoal knows versions up to {newest}. A newer Shoal "
            "wrote it: start that one, or put the backup in its place that was taken before the change."
        )
    return int(found)
