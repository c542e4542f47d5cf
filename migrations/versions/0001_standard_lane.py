"""The standard lane and the resources of the API.

`executions` and `history` are partitioned by the day that their execution started: ids are UUIDs of version 7, so a
day is a range of ids and the primary key can hold them. Dropping a day's partitions is what retention does. Names
must be unique over all days, which no index of a partitioned table can promise: `execution_names` does.

Payloads are bytea with storage EXTERNAL: they are compressed before they come, if at all, and never parsed here.
There are no foreign keys on the hot tables: the program keeps these references, and a check per row costs too much.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

RESOURCES = (
    """
    CREATE TABLE state_machines (
        id uuid PRIMARY KEY,
        account text NOT NULL,
        region text NOT NULL,
        name text COLLATE "C" NOT NULL,
        type text NOT NULL,
        status text NOT NULL CHECK (status IN ('ACTIVE', 'DELETING', 'DELETED')),
        revision_id uuid NOT NULL,
        last_version_number integer NOT NULL DEFAULT 0,
        created_ms bigint NOT NULL,
        deleted_ms bigint CHECK (status = 'ACTIVE' OR deleted_ms IS NOT NULL)
    )
    """,
    "CREATE INDEX state_machines_name ON state_machines (account, region, name)",
    """
    CREATE UNIQUE INDEX state_machines_living_name ON state_machines (account, region, name)
    WHERE status <> 'DELETED'
    """,
    """
    CREATE TABLE revisions (
        id uuid PRIMARY KEY,
        machine_id uuid NOT NULL REFERENCES state_machines ON DELETE CASCADE,
        number integer NOT NULL,
        definition text NOT NULL,
        role_arn text NOT NULL,
        logging text,
        tracing text,
        encryption text,
        created_ms bigint NOT NULL,
        UNIQUE (machine_id, number)
    )
    """,
    """
    CREATE TABLE versions (
        machine_id uuid NOT NULL REFERENCES state_machines ON DELETE CASCADE,
        number integer NOT NULL,
        revision_id uuid NOT NULL REFERENCES revisions ON DELETE CASCADE,
        description text NOT NULL,
        created_ms bigint NOT NULL,
        PRIMARY KEY (machine_id, number)
    )
    """,
    """
    CREATE TABLE aliases (
        machine_id uuid NOT NULL REFERENCES state_machines ON DELETE CASCADE,
        name text COLLATE "C" NOT NULL,
        description text NOT NULL,
        version_numbers integer[] NOT NULL,
        weights integer[] NOT NULL CHECK (cardinality(weights) = cardinality(version_numbers)),
        created_ms bigint NOT NULL,
        updated_ms bigint NOT NULL,
        PRIMARY KEY (machine_id, name)
    )
    """,
    """
    CREATE TABLE activities (
        id uuid PRIMARY KEY,
        account text NOT NULL,
        region text NOT NULL,
        name text COLLATE "C" NOT NULL,
        encryption text,
        created_ms bigint NOT NULL,
        UNIQUE (account, region, name)
    )
    """,
    """
    CREATE TABLE tags (
        resource_id uuid NOT NULL,
        key text COLLATE "C" NOT NULL,
        value text NOT NULL,
        PRIMARY KEY (resource_id, key)
    )
    """,
)

EXECUTIONS = (
    """
    CREATE TABLE executions (
        id uuid PRIMARY KEY,
        machine_id uuid NOT NULL,
        revision_id uuid NOT NULL,
        start_ms bigint NOT NULL,
        wake_at_ms bigint,
        stop_ms bigint,
        redrive_ms bigint,
        version_number integer,
        redrive_count integer NOT NULL DEFAULT 0,
        shard smallint NOT NULL,
        status smallint NOT NULL,
        name text COLLATE "C" NOT NULL,
        alias_name text,
        trace_header text,
        input bytea NOT NULL,
        output bytea,
        error text,
        cause text,
        CHECK (status <> 0 OR wake_at_ms IS NOT NULL)
    ) PARTITION BY RANGE (id)
    """,
    "ALTER TABLE executions ALTER COLUMN input SET STORAGE EXTERNAL",
    "ALTER TABLE executions ALTER COLUMN output SET STORAGE EXTERNAL",
    "CREATE INDEX executions_list ON executions (machine_id, status, id)",
    "CREATE INDEX executions_due ON executions (shard, wake_at_ms) WHERE status = 0",
    "CREATE TABLE executions_default PARTITION OF executions DEFAULT",
    """
    CREATE TABLE execution_names (
        machine_id uuid NOT NULL,
        name text COLLATE "C" NOT NULL,
        execution_id uuid NOT NULL,
        PRIMARY KEY (machine_id, name) INCLUDE (execution_id)
    )
    """,
    """
    CREATE TABLE history (
        execution_id uuid NOT NULL,
        page_number integer NOT NULL,
        first_event_id integer NOT NULL,
        last_event_id integer NOT NULL,
        checkpoint boolean NOT NULL,
        events bytea NOT NULL,
        frames bytea NOT NULL,
        PRIMARY KEY (execution_id, page_number)
    ) PARTITION BY RANGE (execution_id)
    """,
    "ALTER TABLE history ALTER COLUMN events SET STORAGE EXTERNAL",
    "ALTER TABLE history ALTER COLUMN frames SET STORAGE EXTERNAL",
    "CREATE TABLE history_default PARTITION OF history DEFAULT WITH (toast_tuple_target = 8160)",
)

OWNERSHIP = (
    """
    CREATE TABLE shards (
        id smallint PRIMARY KEY,
        owner uuid,
        scheduler text,
        seq bigint NOT NULL DEFAULT 0,
        lease_until timestamptz NOT NULL DEFAULT '-infinity'
    ) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0)
    """,
    """
    CREATE TABLE schedulers (
        name text PRIMARY KEY,
        lease_until timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE inbox (
        shard smallint NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        body bytea NOT NULL,
        PRIMARY KEY (shard, id)
    )
    """,
    "ALTER TABLE inbox ALTER COLUMN body SET STORAGE EXTERNAL",
)


def upgrade() -> None:
    """Create everything."""
    for statement in RESOURCES + EXECUTIONS + OWNERSHIP:
        op.execute(statement)
