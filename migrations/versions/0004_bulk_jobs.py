"""Bulk jobs: one row per job with the place that it has reached, and what it could not do."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
    CREATE TABLE bulk_jobs (
        id uuid PRIMARY KEY,
        account text NOT NULL,
        region text NOT NULL,
        machine_id uuid NOT NULL,
        machine_name text COLLATE "C" NOT NULL,
        action text NOT NULL CHECK (action IN ('STOP', 'REDRIVE')),
        dry_run boolean NOT NULL,
        statuses smallint[] NOT NULL,
        name_prefix text NOT NULL,
        failed_with text,
        started_from_ms bigint,
        started_before_ms bigint NOT NULL,
        stop_error text,
        stop_cause text,
        rate integer NOT NULL,
        status text NOT NULL DEFAULT 'RUNNING' CHECK (status IN ('RUNNING', 'COMPLETED', 'CANCELLED')),
        created_ms bigint NOT NULL,
        ended_ms bigint CHECK (status = 'RUNNING' OR ended_ms IS NOT NULL),
        total integer,
        cursor uuid,
        pending uuid[] NOT NULL DEFAULT '{}',
        done integer NOT NULL DEFAULT 0,
        skipped integer NOT NULL DEFAULT 0,
        failed integer NOT NULL DEFAULT 0,
        runner text,
        lease_until timestamptz NOT NULL DEFAULT '-infinity'
    )
    """,
    "CREATE INDEX bulk_jobs_list ON bulk_jobs (account, region, id)",
    "CREATE INDEX bulk_jobs_running ON bulk_jobs (id) WHERE status = 'RUNNING'",
    """
    CREATE TABLE bulk_job_failures (
        job_id uuid NOT NULL REFERENCES bulk_jobs ON DELETE CASCADE,
        execution_id uuid NOT NULL,
        execution_name text NOT NULL,
        error text NOT NULL,
        message text NOT NULL,
        PRIMARY KEY (job_id, execution_id)
    )
    """,
)


def upgrade() -> None:
    """Create both tables."""
    for statement in STATEMENTS:
        op.execute(statement)
