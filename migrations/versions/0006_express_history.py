"""Ended express executions with their whole history, one row each, where retention is on.

Partitioned by day like `executions`: the ids are UUIDs of version 7. There is no primary key, because an execution that
was started again after a lane was lost may have ended twice. Rows are written once, by COPY, and dropped by the day.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
    CREATE TABLE express_history (
        id uuid NOT NULL,
        machine_id uuid NOT NULL,
        revision_id uuid NOT NULL,
        start_ms bigint NOT NULL,
        stop_ms bigint NOT NULL,
        version_number integer,
        last_event_id integer NOT NULL,
        status smallint NOT NULL,
        synchronous boolean NOT NULL,
        redelivered boolean NOT NULL,
        name text COLLATE "C" NOT NULL,
        alias_name text,
        trace_header text,
        input bytea NOT NULL,
        output bytea,
        error text,
        cause text,
        events bytea NOT NULL
    ) PARTITION BY RANGE (id)
    """,
    "ALTER TABLE express_history ALTER COLUMN input SET STORAGE EXTERNAL",
    "ALTER TABLE express_history ALTER COLUMN output SET STORAGE EXTERNAL",
    "ALTER TABLE express_history ALTER COLUMN events SET STORAGE EXTERNAL",
    "CREATE INDEX express_history_id ON express_history (id)",
    "CREATE INDEX express_history_list ON express_history (machine_id, status, id)",
    "CREATE TABLE express_history_default PARTITION OF express_history DEFAULT",
)


def upgrade() -> None:
    """Create the table."""
    for statement in STATEMENTS:
        op.execute(statement)
