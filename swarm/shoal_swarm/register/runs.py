"""Records and ledgers, on SQL: the one place where a round is decided.

The compare-and-set is one UPDATE that names the version it expects. It comes first in its transaction, so whoever
changes the row has the run to itself until the end, and the ledger's length cannot move under it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection, and_, func, insert, select, update

from shoal_swarm.register import rules
from shoal_swarm.register.store import Store
from shoal_swarm.register.tables import ledger, runs
from shoal_swarm.register.values import LEDGER_PAGE_ENTRIES_MAX, NUMBER_MAX, Entry, Head, Lost, Outcome, Run, Won

_LAST = (
    select(ledger.c.run_id, func.max(ledger.c.position).label("position")).group_by(ledger.c.run_id).subquery("last")
)


class SqlRuns:
    """One record a run; see `contract.Runs`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, run_id: str, config_hash: bytes, record: bytes, entries: Sequence[Entry] = ()) -> bool:
        """Begin a run at version 1; False if the id is taken."""
        rules.check_batch(entries)
        return self.restore(run_id, config_hash, 1, record, entries)

    def restore(self, run_id: str, config_hash: bytes, version: int, record: bytes, entries: Iterable[Entry]) -> bool:
        """Put back a run that is not here, whole or not at all; False if it is here."""
        rules.check_run(run_id)
        rules.check_config_hash(config_hash)
        rules.check_number("version", version, least=1)
        rules.check_record(record)
        with self._store.writing() as connection:
            if connection.scalar(select(runs.c.run_id).where(runs.c.run_id == run_id)) is not None:
                return False
            connection.execute(
                insert(runs).values(run_id=run_id, config_hash=config_hash, version=version, record=record)
            )
            _append(connection, run_id, rules.continuing(entries, 0))
            return True

    def read(self, run_id: str) -> Run | None:
        """The record and the head of its ledger as of one moment."""
        rules.check_run(run_id)
        with self._store.reading() as connection:
            return _read(connection, run_id)

    def write(self, run_id: str, expected_version: int, record: bytes, entries: Sequence[Entry] = ()) -> Outcome:
        """Replace the record and append `entries`, if the record is still at `expected_version`."""
        rules.check_run(run_id)
        rules.check_number("expected version", expected_version, least=1, most=NUMBER_MAX - 1)
        rules.check_record(record)
        rules.check_batch(entries)
        with self._store.writing() as connection:
            won = connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.version == expected_version)
                .values(version=expected_version + 1, record=record)
            )
            if won.rowcount != 1:
                return Lost(current=_read(connection, run_id))
            if entries:
                _append(connection, run_id, rules.continuing(entries, _length(connection, run_id)))
            return Won(version=expected_version + 1)

    def list(self) -> Sequence[str]:
        """The ids of all runs, in order."""
        with self._store.reading() as connection:
            return connection.scalars(select(runs.c.run_id).order_by(runs.c.run_id)).all()


class SqlLedger:
    """What was decided; see `contract.Ledger`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def entries(self, run_id: str, first: int = 0, limit: int = LEDGER_PAGE_ENTRIES_MAX) -> Sequence[Entry]:
        """Up to `limit` entries from position `first` on."""
        rules.check_run(run_id)
        rules.check_number("first position", first, least=0)
        rules.check_number("limit", limit, least=1, most=LEDGER_PAGE_ENTRIES_MAX)
        wanted = (
            select(ledger.c.position, ledger.c.digest, ledger.c.body)
            .where(ledger.c.run_id == run_id, ledger.c.position >= first)
            .order_by(ledger.c.position)
            .limit(limit)
        )
        with self._store.reading() as connection:
            rows = connection.execute(wanted)
            return [Entry(position=row.position, digest=row.digest, body=row.body) for row in rows]

    def heads(self) -> Mapping[str, Head]:
        """The head of every ledger that has an entry, by run."""
        wanted = select(ledger.c.run_id, ledger.c.position, ledger.c.digest).join(
            _LAST, and_(_LAST.c.run_id == ledger.c.run_id, _LAST.c.position == ledger.c.position)
        )
        with self._store.reading() as connection:
            rows = connection.execute(wanted.order_by(ledger.c.run_id))
            return {row.run_id: Head(length=row.position + 1, digest=row.digest) for row in rows}


def _read(connection: Connection, run_id: str) -> Run | None:
    last = select(func.max(ledger.c.position)).where(ledger.c.run_id == run_id).scalar_subquery()
    row = connection.execute(
        select(runs, ledger.c.position, ledger.c.digest)
        .select_from(runs)
        .outerjoin(ledger, and_(ledger.c.run_id == runs.c.run_id, ledger.c.position == last))
        .where(runs.c.run_id == run_id)
    ).one_or_none()
    if row is None:
        return None
    head = None if row.position is None else Head(length=row.position + 1, digest=row.digest)
    return Run(run_id=row.run_id, config_hash=row.config_hash, version=row.version, record=row.record, head=head)


def _length(connection: Connection, run_id: str) -> int:
    last = connection.scalar(select(func.max(ledger.c.position)).where(ledger.c.run_id == run_id))
    return 0 if last is None else last + 1


def _append(connection: Connection, run_id: str, entries: Iterator[Entry]) -> None:
    while page := list(islice(entries, LEDGER_PAGE_ENTRIES_MAX)):
        connection.execute(
            insert(ledger),
            [{"run_id": run_id, "position": e.position, "digest": e.digest, "body": e.body} for e in page],
        )
