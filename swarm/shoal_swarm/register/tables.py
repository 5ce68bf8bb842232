"""The tables as of the newest schema version; `schema.py` tells how a store got them."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, MetaData, String, Table

metadata = MetaData()

schema = Table(
    "schema",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("name", String, primary_key=True),
    Column("newest", BigInteger, nullable=False),
    Column("facts", LargeBinary, nullable=True),  # none: said hello once, and was removed
)

boots = Table(
    "boots",
    metadata,
    Column("member", String, ForeignKey("members.name"), primary_key=True),
    Column("nonce", LargeBinary, primary_key=True),
    Column("incarnation", BigInteger, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("config_hash", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("run_id", String, ForeignKey("runs.run_id"), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", String, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("note", String, nullable=False),
    Column("signed", LargeBinary, nullable=True),  # none: removed; id and number stay taken
)
