"""An older store is backed up and led to the newest version with its data; anything strange is refused untouched."""

import re
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from blake3 import blake3
from sqlalchemy import create_engine, inspect

from shoal_base.errors import PlaceRefused
from shoal_swarm.register import Entry, Register, open_register, tables
from shoal_swarm.register.schema import MIGRATIONS, Migration

ENTRY = Entry(position=0, digest=bytes(32), body=b"opened")

COLOUR = Migration(
    version=len(MIGRATIONS) + 1,
    name="runs get a colour",
    statements=(
        "ALTER TABLE runs ADD COLUMN colour VARCHAR NOT NULL DEFAULT 'grey'",
        "CREATE TABLE colours (colour VARCHAR NOT NULL PRIMARY KEY, paint {bytes})",
        "INSERT INTO colours (colour) VALUES ('grey')",
    ),
)
"""A later version that only these tests know."""

SHAPE = Migration(
    version=len(MIGRATIONS) + 2, name="runs get a shape", statements=("ALTER TABLE runs ADD COLUMN shape VARCHAR",)
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of a test lies."""
    return tmp_path / "state" / "register.db"


@pytest.fixture
def filled(path: Path) -> Path:
    """A store of today's version with something of everything in it."""
    with open_register(_url(path)) as register:
        register.members.hello("ana", bytes(16), b"facts")
        register.runs.create("reviews", bytes(32), b"record", [ENTRY])
        register.tasks.submit("task", b"signed")
    return path


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _assert_filled(register: Register) -> None:
    assert [member.facts for member in register.members.list()] == [b"facts"]
    run = register.runs.read("reviews")
    assert run is not None
    assert (run.version, run.record) == (1, b"record")
    assert register.ledger.entries("reviews") == [ENTRY]
    assert [head.task_id for head in register.tasks.list()] == ["task"]


def _ask(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def _change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def _backups(path: Path) -> list[Path]:
    return sorted(child for child in path.parent.iterdir() if child.name.startswith("register.db.version-"))


def test_an_older_store_comes_up_with_its_data(filled: Path) -> None:
    with open_register(_url(filled), migrations=[*MIGRATIONS, COLOUR]) as register:
        _assert_filled(register)
        register.runs.create("other", bytes(32), b"")
    assert _ask(filled, "SELECT run_id, colour FROM runs ORDER BY run_id") == [("other", "grey"), ("reviews", "grey")]
    assert _ask(filled, "SELECT version, name FROM schema ORDER BY version") == [
        *((migration.version, migration.name) for migration in MIGRATIONS),
        (COLOUR.version, COLOUR.name),
    ]


def test_several_versions_are_made_up_for_at_once(filled: Path) -> None:
    open_register(_url(filled), migrations=[*MIGRATIONS, COLOUR, SHAPE]).close()
    assert _ask(filled, "SELECT colour, shape FROM runs") == [("grey", None)]
    assert len(_backups(filled)) == 1


def test_a_backup_of_the_old_version_lies_beside_it(filled: Path) -> None:
    open_register(_url(filled), migrations=[*MIGRATIONS, COLOUR]).close()
    (backup,) = _backups(filled)
    assert re.fullmatch(rf"register\.db\.version-{len(MIGRATIONS)}\.\d{{8}}T\d{{6}}\.\d{{6}}Z\.backup", backup.name)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with open_register(_url(backup)) as register:
        _assert_filled(register)
    assert _ask(backup, "SELECT max(version) FROM schema") == [(len(MIGRATIONS),)]


def test_the_backup_has_what_still_lies_in_the_log(filled: Path) -> None:
    with open_register(_url(filled)) as old:
        old.runs.create("late", bytes(32), b"")
        assert filled.with_name("register.db-wal").stat().st_size > 0
        open_register(_url(filled), migrations=[*MIGRATIONS, COLOUR]).close()
    (backup,) = _backups(filled)
    assert _ask(backup, "SELECT run_id FROM runs ORDER BY run_id") == [("late",), ("reviews",)]


def test_a_new_store_and_one_of_today_need_no_backup(filled: Path) -> None:
    open_register(_url(filled)).close()
    assert _backups(filled) == []


def test_a_migration_that_fails_leaves_the_old_version(filled: Path) -> None:
    broken = replace(COLOUR, statements=(*COLOUR.statements, "ALTER TABLE nowhere ADD COLUMN colour VARCHAR"))
    with pytest.raises(PlaceRefused, match="nowhere"):
        open_register(_url(filled), migrations=[*MIGRATIONS, broken])
    assert _ask(filled, "SELECT max(version) FROM schema") == [(len(MIGRATIONS),)]
    assert _ask(filled, "SELECT name FROM sqlite_master WHERE name = 'colours'") == []
    with open_register(_url(filled), migrations=[*MIGRATIONS, COLOUR]) as register:
        _assert_filled(register)


def test_a_newer_store_is_refused_and_not_touched(filled: Path) -> None:
    open_register(_url(filled), migrations=[*MIGRATIONS, COLOUR]).close()
    before = filled.read_bytes()
    with pytest.raises(PlaceRefused, match=f"version {COLOUR.version}.* up to {len(MIGRATIONS)}.*newer Shoal"):
        open_register(_url(filled))
    assert filled.read_bytes() == before


def test_somebody_elses_database_is_refused_and_not_touched(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    _change(path, "CREATE TABLE patients (name VARCHAR)")
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(PlaceRefused, match="no register of a swarm: its tables are patients"):
        open_register(_url(path))
    assert path.read_bytes() == before
    assert [child.name for child in path.parent.iterdir()] == ["register.db"]


def test_somebody_elses_table_of_the_same_name_is_refused(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    _change(path, "CREATE TABLE schema (migrated_on VARCHAR)")
    path.chmod(0o600)
    with pytest.raises(PlaceRefused, match="no register of a swarm"):
        open_register(_url(path))


@pytest.mark.parametrize("edit", ["DELETE FROM schema", "INSERT INTO schema (version, name) VALUES (-1, 'odd')"])
def test_a_store_that_does_not_know_its_version_is_refused(filled: Path, edit: str) -> None:
    _change(filled, edit)
    with pytest.raises(PlaceRefused, match="does not say which schema version"):
        open_register(_url(filled))


def test_what_is_no_database_is_refused_and_not_touched(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"Dear diary, " * 1000)
    path.chmod(0o600)
    with pytest.raises(PlaceRefused, match="damaged or no database"):
        open_register(_url(path))
    assert path.read_bytes() == b"Dear diary, " * 1000


@pytest.mark.parametrize("page", range(2, 8))
def test_a_damaged_page_is_found_at_opening(filled: Path, page: int) -> None:
    whole = bytearray(filled.read_bytes())
    whole[(page - 1) * 4096 : (page - 1) * 4096 + 200] = b"\xff" * 200
    filled.write_bytes(whole)
    with pytest.raises(PlaceRefused, match="damaged"):
        open_register(_url(filled))


def test_a_store_that_was_cut_short_is_refused(filled: Path) -> None:
    filled.write_bytes(filled.read_bytes()[:-4096])
    with pytest.raises(PlaceRefused, match="damaged"):
        open_register(_url(filled))


def test_the_migrations_build_the_tables_that_the_code_uses(filled: Path) -> None:
    engine = create_engine(_url(filled))
    built = inspect(engine)
    assert set(built.get_table_names()) == set(tables.metadata.tables)
    for name, table in tables.metadata.tables.items():
        columns = {column["name"]: column for column in built.get_columns(name)}
        assert list(columns) == list(table.c.keys())
        for column in table.c:
            found = columns[column.name]
            assert found["type"].compile(engine.dialect) == column.type.compile(engine.dialect), column
            assert found["nullable"] == column.nullable, column
        assert built.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key]
        assert len(built.get_foreign_keys(name)) == len(table.foreign_keys)
    engine.dispose()


def test_a_shipped_migration_is_never_edited() -> None:
    shipped = {1: "db9431d81340ba53"}
    for migration in MIGRATIONS:
        digest = blake3("\n".join(" ".join(s.split()) for s in migration.statements).encode()).hexdigest()[:16]
        assert digest == shipped[migration.version], (
            f"The statements of migration {migration.version} changed, but stores that went through it are out there: "
            "write the next migration instead. (For a new migration, add its digest here.)"
        )


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [migration.version for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
