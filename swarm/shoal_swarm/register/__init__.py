"""The border to the database: members, runs, tasks and ledger."""
