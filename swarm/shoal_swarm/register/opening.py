"""Opening a register: find the place, make or check it, bring its tables up to date."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from shoal_swarm.register import place, sqlite
from shoal_swarm.register.contract import Ledger, Members, Register, Runs, Tasks
from shoal_swarm.register.members import SqlMembers
from shoal_swarm.register.runs import SqlLedger, SqlRuns
from shoal_swarm.register.schema import MIGRATIONS, Migration, bring_up, find_version
from shoal_swarm.register.store import Store
from shoal_swarm.register.tasks import SqlTasks

BUSY_TIMEOUT_S: Final = 10.0
"""A write takes milliseconds; whoever waits this long waits for something that hangs."""


class SqlRegister:
    """A register on a SQL store; see `contract.Register`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.members: Members = SqlMembers(store)
        self.runs: Runs = SqlRuns(store)
        self.ledger: Ledger = SqlLedger(store)
        self.tasks: Tasks = SqlTasks(store)

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def __enter__(self) -> Self:
        """Use the register for the length of a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def open_register(
    url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S, migrations: Sequence[Migration] = MIGRATIONS
) -> Register:
    """Open the register that `url` names (`sqlite:////absolute/path`), made if it is not there.

    Opening and every call on what comes back block; an event loop makes them in a worker thread.
    An older store is backed up beside itself and then brought up to date.

    Raises `InputRefused` for a URL that names no such place, `PlaceRefused` for a place that is open to others,
    damaged, not ours or newer than this Shoal, and `Unavailable` if others hold it.
    """
    path = place.read_url(url)
    with place.held(path, busy_timeout_s):
        store = sqlite.open_store(path, busy_timeout_s)
        try:
            find_version(store, migrations)  # before the first change, so that a file of somebody else's stays as it is
            sqlite.keep_log(path)
            sqlite.check_health(store)
            bring_up(store, migrations, lambda version: _back_up(path, version))
        except BaseException:
            store.close()
            raise
    return SqlRegister(store)


def _back_up(path: Path, version: int) -> None:
    with place.new_backup(path, version) as target:
        sqlite.copy_whole(path, target)
