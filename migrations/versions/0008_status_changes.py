"""Changes of executions' status that are still to be announced as status-change events.

A trigger notes them in the transaction that makes them, so none is lost when a process ends between its commit and
its sending. It does so only for connections of processes that announce (`stepwell.status_events` is `on`), so that
nothing gathers where nobody sends. A redrive that fails again in the same turn is one update and two changes.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    """
    CREATE TABLE status_changes (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        execution_id uuid NOT NULL,
        status smallint NOT NULL,
        stop_ms bigint,
        redrive_count integer NOT NULL,
        redrive_ms bigint,
        error text,
        cause text,
        tries smallint NOT NULL DEFAULT 0,
        noted timestamptz NOT NULL DEFAULT clock_timestamp(),
        due timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    "CREATE INDEX status_changes_due ON status_changes (due, id)",
    """
    CREATE FUNCTION note_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NEW.redrive_count <> OLD.redrive_count THEN
            INSERT INTO status_changes (execution_id, status, redrive_count, redrive_ms)
            VALUES (NEW.id, 0, NEW.redrive_count, NEW.redrive_ms);
        END IF;
        IF NEW.status <> 0 THEN
            INSERT INTO status_changes (execution_id, status, stop_ms, redrive_count, redrive_ms, error, cause)
            VALUES (NEW.id, NEW.status, NEW.stop_ms, NEW.redrive_count, NEW.redrive_ms, NEW.error, NEW.cause);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER executions_started AFTER INSERT ON executions FOR EACH ROW
    WHEN (current_setting('stepwell.status_events', true) = 'on') EXECUTE FUNCTION note_status_change()
    """,
    """
    CREATE TRIGGER executions_changed AFTER UPDATE OF status ON executions FOR EACH ROW
    WHEN (
        (OLD.status <> NEW.status OR OLD.redrive_count <> NEW.redrive_count)
        AND current_setting('stepwell.status_events', true) = 'on'
    )
    EXECUTE FUNCTION note_status_change()
    """,
)


def upgrade() -> None:
    """Create the table and the triggers; partitions that are there get them too."""
    for statement in STATEMENTS:
        op.execute(statement)
