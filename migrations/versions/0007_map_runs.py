"""Runs of distributed Maps; their child executions say which run they belong to, NULL for all others."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    """
    CREATE TABLE map_runs (
        id uuid PRIMARY KEY,
        arn text NOT NULL,
        execution_id uuid NOT NULL,
        shard smallint NOT NULL,
        path text NOT NULL,
        state text NOT NULL,
        label text NOT NULL,
        express boolean NOT NULL,
        status text NOT NULL DEFAULT 'RUNNING' CHECK (status IN ('RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED')),
        start_ms bigint NOT NULL,
        stop_ms bigint CHECK (status = 'RUNNING' OR stop_ms IS NOT NULL),
        max_concurrency integer NOT NULL,
        tolerated_percentage double precision NOT NULL,
        tolerated_count integer NOT NULL,
        threshold_given smallint NOT NULL,
        planned_items bigint NOT NULL DEFAULT 0,
        planned_executions bigint NOT NULL DEFAULT 0,
        error text,
        cause text
    )
    """,
    "CREATE INDEX map_runs_list ON map_runs (execution_id, start_ms)",
    "CREATE INDEX map_runs_open ON map_runs (shard) WHERE status = 'RUNNING'",
    "ALTER TABLE executions ADD COLUMN map_run_id uuid",
    "ALTER TABLE executions ADD COLUMN map_index integer",
    "ALTER TABLE executions ADD COLUMN item_count integer",
    "CREATE INDEX executions_children ON executions (map_run_id, map_index) WHERE map_run_id IS NOT NULL",
)


def upgrade() -> None:
    """Create the table, and the columns in every partition without rewriting one."""
    for statement in STATEMENTS:
        op.execute(statement)
