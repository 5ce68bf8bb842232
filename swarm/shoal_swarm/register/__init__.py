"""The border to the database: members, runs, tasks and ledger.

Five nouns:

* **register**: what a swarm must find again after any crash; small, and the only thing that orders its rounds;
* **record**: a run's one value, some bytes with a version, changed only by compare-and-set;
* **entry**: one link of a run's ledger; a change of the record and the entries that tell of it are stored together or
  not at all;
* **member**: who ever said hello, and which incarnation each of its boots was given;
* **task**: signed bytes that never change, and a state that only moves forward.

The room stores bytes and small numbers. What a record says, whether a chain of digests holds and whether a
signature is good is known next door, in `protocol`; nothing here looks inside. `contract.py` is the page to
read: it says what every register owes its callers, whichever database is under it.
"""

from shoal_swarm.register.contract import Ledger, Members, Register, Runs, Tasks
from shoal_swarm.register.opening import open_register
from shoal_swarm.register.states import TaskState
from shoal_swarm.register.values import (
    Boot,
    Entry,
    Head,
    Lost,
    Member,
    Moved,
    Run,
    Stale,
    Task,
    TaskHead,
    Won,
)

__all__ = [
    "Boot",
    "Entry",
    "Head",
    "Ledger",
    "Lost",
    "Member",
    "Members",
    "Moved",
    "Register",
    "Run",
    "Runs",
    "Stale",
    "Task",
    "TaskHead",
    "TaskState",
    "Tasks",
    "Won",
    "open_register",
]
