"""Members and their boots, on SQL."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from shoal_swarm.register import rules
from shoal_swarm.register.store import Store
from shoal_swarm.register.tables import boots, members
from shoal_swarm.register.values import BOOTS_KEPT, Boot, Member


class SqlMembers:
    """Who is in the swarm; see `contract.Members`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def hello(self, name: str, boot_nonce: bytes, facts: bytes) -> Boot:
        """Take in `name`, and number the boot that `boot_nonce` stands for."""
        rules.check_member(name)
        rules.check_nonce(boot_nonce)
        rules.check_facts(facts)
        with self._store.writing() as connection:
            newest = connection.scalar(select(members.c.newest).where(members.c.name == name)) or 0
            incarnation = connection.scalar(
                select(boots.c.incarnation).where(boots.c.member == name, boots.c.nonce == boot_nonce)
            )
            if incarnation is None:
                newest = incarnation = newest + 1
                _add_boot(connection, name, boot_nonce, incarnation)
            if incarnation == newest:
                connection.execute(update(members).where(members.c.name == name).values(facts=facts))
            return Boot(incarnation=incarnation, newest=newest)

    def list(self) -> Sequence[Member]:
        """All members that were not removed, by name."""
        with self._store.reading() as connection:
            rows = connection.execute(select(members).where(members.c.facts.is_not(None)).order_by(members.c.name))
            return [Member(name=row.name, incarnation=row.newest, facts=row.facts) for row in rows]

    def remove(self, name: str) -> bool:
        """Take `name` off the list; its numbers stay, so that they go on if it comes back."""
        rules.check_member(name)
        with self._store.writing() as connection:
            gone = connection.execute(
                update(members).where(members.c.name == name, members.c.facts.is_not(None)).values(facts=None)
            )
            return gone.rowcount == 1


def _add_boot(connection: Connection, name: str, nonce: bytes, incarnation: int) -> None:
    if incarnation == 1:
        connection.execute(insert(members).values(name=name, newest=incarnation))
    else:
        connection.execute(update(members).where(members.c.name == name).values(newest=incarnation))
    connection.execute(insert(boots).values(member=name, nonce=nonce, incarnation=incarnation))
    connection.execute(delete(boots).where(boots.c.member == name, boots.c.incarnation <= incarnation - BOOTS_KEPT))
