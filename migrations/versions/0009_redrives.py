"""Redrives of map runs: attempts, the inputs of children that may still start, and the client tokens of redrives."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = (
    "ALTER TABLE map_runs ADD COLUMN redrive_count integer NOT NULL DEFAULT 0",
    "ALTER TABLE map_runs ADD COLUMN redrive_ms bigint",
    "ALTER TABLE map_runs ADD COLUMN planned boolean NOT NULL DEFAULT false",
    "ALTER TABLE map_runs ADD COLUMN reading integer NOT NULL DEFAULT 0",
    "ALTER TABLE map_runs ADD COLUMN results text",
    "ALTER TABLE executions ADD COLUMN map_attempt integer",
    "ALTER TABLE executions ADD COLUMN redrive_tokens text",
    """
    CREATE TABLE map_run_inputs (
        run_id uuid NOT NULL REFERENCES map_runs ON DELETE CASCADE,
        first_index integer NOT NULL,
        inputs bytea NOT NULL,
        PRIMARY KEY (run_id, first_index)
    )
    """,
)


def upgrade() -> None:
    """Create the table, and the columns without rewriting a row."""
    for statement in STATEMENTS:
        op.execute(statement)
