"""Tables `executions` and `execution_names`: admission, loading, what is due, describing and listing.

A running execution's row is written at its start, at parking and at its end only; the group commit does the latter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from engine.execution.execution import Status
from services.store.records import ExecutionFilter, ListedExecution, MapChild, NewExecution, Parent, StoredExecution
from services.store.user_text import storable

# Names in order, so that two API nodes that admit the same names cannot wait for one another in a circle.
# Plan: the primary key of execution_names decides; nothing is scanned.
ADMIT: Final = """
    WITH new AS (
        SELECT * FROM unnest(
            $1::uuid[], $2::smallint[], $3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::bigint[], $8::integer[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::uuid[], $14::integer[], $15::integer[],
            $16::integer[]
        ) AS n (
            id, shard, machine_id, revision_id, name, input, start_ms, version_number, alias_name, trace_header,
            test_case, parent, map_run_id, map_index, item_count, map_attempt
        )
    ), won AS (
        INSERT INTO execution_names (machine_id, name, execution_id)
        SELECT machine_id, name, id FROM new ORDER BY machine_id, name
        ON CONFLICT (machine_id, name) DO NOTHING
        RETURNING execution_id
    )
    INSERT INTO executions (
        id, shard, machine_id, revision_id, name, input, start_ms, version_number, alias_name, trace_header,
        test_case, parent, map_run_id, map_index, item_count, map_attempt, status, wake_at_ms
    )
    SELECT
        id, shard, machine_id, revision_id, name, input, start_ms, version_number, alias_name, trace_header,
        test_case, parent, map_run_id, map_index, item_count, map_attempt, 0, start_ms
    FROM new JOIN won ON won.execution_id = new.id
    RETURNING id
"""

ROW: Final = """
    SELECT
        e.id, e.shard, e.machine_id, e.revision_id, m.account, m.region, m.name AS machine_name, e.name, e.status,
        e.input, e.start_ms, r.role_arn, m.status <> 'ACTIVE' AS machine_deleting, e.version_number, e.alias_name,
        e.trace_header, e.output, e.error, e.cause, e.stop_ms, e.redrive_count, e.redrive_ms, e.test_case,
        e.parent, e.map_run_id, e.map_index, e.item_count, mr.arn AS map_run_arn, mr.label AS map_label,
        mr.shard AS map_shard, mr.state AS map_state, mr.express AS map_express,
        coalesce(e.map_attempt, 0) AS map_attempt, e.redrive_tokens,
        mr.status = 'RUNNING' AND e.status IN (2, 3, 4) AND coalesce(e.map_attempt, 0) < mr.redrive_count
            AS map_pending
"""

MAP_RUN: Final = "LEFT JOIN map_runs AS mr ON mr.id = e.map_run_id"

# Plan: primary keys throughout, in the partition that the id names.
BY_ID: Final = (
    ROW
    + """
    FROM unnest($1::uuid[]) AS w (id)
    JOIN executions AS e ON e.id = w.id
    JOIN state_machines AS m ON m.id = e.machine_id
    JOIN revisions AS r ON r.id = e.revision_id
"""
    + MAP_RUN
)

# Plan: index state_machines_name, then primary keys. A machine that was deleted and created again has several rows.
BY_NAME: Final = (
    ROW
    + """
    FROM state_machines AS m
    JOIN execution_names AS n ON n.machine_id = m.id AND n.name = $4
    JOIN executions AS e ON e.id = n.execution_id
    JOIN revisions AS r ON r.id = e.revision_id
    LEFT JOIN map_runs AS mr ON mr.id = e.map_run_id
    WHERE m.account = $1 AND m.region = $2 AND m.name = $3 AND coalesce(mr.label, '') = $5
    ORDER BY n.execution_id DESC
    LIMIT 1
"""
)

# Plan: primary keys.
BY_MACHINE_AND_NAME: Final = (
    ROW
    + """
    FROM unnest($1::uuid[], $2::text[]) AS w (machine_id, name)
    JOIN execution_names AS n ON n.machine_id = w.machine_id AND n.name = w.name
    JOIN executions AS e ON e.id = n.execution_id
    JOIN state_machines AS m ON m.id = e.machine_id
    JOIN revisions AS r ON r.id = e.revision_id
"""
    + MAP_RUN
)

# Plan: index executions_due, shard by shard.
DUE: Final = """
    SELECT d.id
    FROM unnest($1::smallint[]) AS s (shard)
    CROSS JOIN LATERAL (
        SELECT id, wake_at_ms FROM executions
        WHERE status = 0 AND executions.shard = s.shard AND wake_at_ms >= $2 AND wake_at_ms < $3
        ORDER BY wake_at_ms
        LIMIT $4
    ) AS d
    ORDER BY d.wake_at_ms
    LIMIT $4
"""

_LISTED: Final = """
    SELECT
        e.id, e.machine_id, e.name, e.status, e.start_ms, e.version_number, e.alias_name, e.stop_ms,
        e.redrive_count, e.redrive_ms, e.error
"""

# Plan: index executions_list, backwards, once per machine and status; newest partitions first. The range of ids is
# written as one of rows, which only that index can answer: by plain comparisons the primary key looks as good to the
# planner, and it walks over everything that has another status.
LIST: Final = (
    _LISTED
    + """
    FROM unnest($1::uuid[]) AS m (id)
    CROSS JOIN unnest($2::smallint[]) AS s (status)
    CROSS JOIN LATERAL (
        SELECT * FROM executions
        WHERE machine_id = m.id AND executions.status = s.status
            AND (machine_id, executions.status, executions.id) >= (m.id, s.status, $3)
            AND (machine_id, executions.status, executions.id) < (m.id, s.status, $4)
            AND map_run_id IS NULL AND ($5::text IS NULL OR error = $5)
            AND ($7::integer IS NULL OR version_number = $7) AND ($8::text IS NULL OR alias_name = $8)
            AND ($9::text IS NULL OR (executions.name >= $9 AND executions.name < $10))
        ORDER BY executions.id DESC
        LIMIT $6
    ) AS e
    ORDER BY e.id DESC
    LIMIT $6
"""
)

# Plan: the primary key, backwards, newest partition first: of many machines the newest executions lie close together,
# and a walk past the others' costs less than a look at every machine, status and day.
LIST_NEWEST: Final = (
    _LISTED
    + """
    FROM executions AS e
    WHERE e.id >= $3 AND e.id < $4 AND e.machine_id = ANY ($1) AND e.status = ANY ($2)
        AND e.map_run_id IS NULL AND ($5::text IS NULL OR e.error = $5)
        AND ($7::integer IS NULL OR e.version_number = $7) AND ($8::text IS NULL OR e.alias_name = $8)
        AND ($9::text IS NULL OR (e.name >= $9 AND e.name < $10))
    ORDER BY e.id DESC
    LIMIT $6
"""
)

# Beyond so many machines a list without further conditions is such a walk.
MANY_MACHINES: Final = 16

# Plan: a range of the primary key of execution_names, index only, sorted by id; then one row by id at a time.
LIST_BY_PREFIX: Final = (
    _LISTED
    + """
    FROM (
        SELECT execution_id FROM execution_names
        WHERE machine_id = ANY ($1) AND name >= $9 AND name < $10 AND execution_id >= $3 AND execution_id < $4
        ORDER BY execution_id DESC
    ) AS n
    CROSS JOIN LATERAL (
        SELECT * FROM executions
        WHERE executions.id = n.execution_id AND executions.status = ANY ($2)
            AND map_run_id IS NULL AND ($5::text IS NULL OR executions.error = $5)
            AND ($7::integer IS NULL OR version_number = $7) AND ($8::text IS NULL OR alias_name = $8)
    ) AS e
    LIMIT $6
"""
)

# A prefix that so many names share is found soon by walking the list itself.
COMMON_NAMES: Final = 20_000

# Plan: a range of the primary key of execution_names, index only, cut off.
COUNT_PREFIX: Final = """
    SELECT count(*) FROM (
        SELECT FROM execution_names WHERE machine_id = ANY ($1) AND name >= $2 AND name < $3 LIMIT $4
    ) AS n
"""

ID_MAX: Final = (1 << 128) - 1
LAST_CHARACTER: Final = "\U0010ffff"
EVERY_STATUS: Final = [int(status) for status in Status]


async def admit(connection: asyncpg.Connection, rows: Sequence[NewExecution]) -> set[UUID]:
    """Write the rows of new executions; the ids of those whose name was free."""
    written = await connection.fetch(
        ADMIT,
        [row.id for row in rows],
        [row.shard for row in rows],
        [row.machine_id for row in rows],
        [row.revision_id for row in rows],
        [row.name for row in rows],
        [row.input for row in rows],
        [row.start_ms for row in rows],
        [row.version_number for row in rows],
        [row.alias_name for row in rows],
        [storable(row.trace_header) for row in rows],
        [storable(row.test_case) for row in rows],
        [None if row.parent is None else storable(row.parent.text) for row in rows],
        [row.map_run_id for row in rows],
        [row.map_index for row in rows],
        [row.item_count for row in rows],
        [row.map_attempt for row in rows],
    )
    return {row[0] for row in written}


async def by_machine_and_name(
    connection: asyncpg.Connection, names: Sequence[tuple[UUID, str]]
) -> dict[tuple[UUID, str], StoredExecution]:
    """The executions that have these names."""
    found = await connection.fetch(BY_MACHINE_AND_NAME, [name[0] for name in names], [name[1] for name in names])
    return {(row["machine_id"], row["name"]): stored(row) for row in found}


async def by_id(connection: asyncpg.Connection, ids: Sequence[UUID]) -> list[StoredExecution]:
    """Those executions that exist."""
    return [stored(row) for row in await connection.fetch(BY_ID, ids)]


async def by_name(
    connection: asyncpg.Connection, account: str, region: str, machine_name: str, name: str
) -> StoredExecution | None:
    """The newest execution of that name; a Map's children are those of `machine/label`."""
    machine_name, _, label = machine_name.partition("/")
    row = await connection.fetchrow(BY_NAME, account, region, machine_name, name, label)
    return None if row is None else stored(row)


async def due(
    connection: asyncpg.Connection, shards: Sequence[int], from_ms: int, before_ms: int, limit: int
) -> list[UUID]:
    """Running executions with `from_ms <= wake_at < before_ms`, oldest first."""
    return [row[0] for row in await connection.fetch(DUE, shards, from_ms, before_ms, limit)]


async def listed(connection: asyncpg.Connection, wanted: ExecutionFilter, limit: int) -> list[ListedExecution]:
    """Executions of some machines, newest first."""
    first = 0 if wanted.started_from_ms is None else wanted.started_from_ms << 80
    end = ID_MAX if wanted.started_before_ms is None else wanted.started_before_ms << 80
    if wanted.before is not None:
        end = min(end, wanted.before.int)
    statuses = [int(status) for status in wanted.statuses] or EVERY_STATUS
    arguments = [
        list(wanted.machine_ids), statuses, UUID(int=first), UUID(int=end), storable(wanted.error), limit,
        wanted.version_number, wanted.alias_name,
    ]  # fmt: skip
    first_name = storable(wanted.name_prefix) or None
    end_name = None if first_name is None else first_name + LAST_CHARACTER
    unconditional = not wanted.statuses and wanted.error is None
    statement = LIST_NEWEST if unconditional and len(wanted.machine_ids) > MANY_MACHINES else LIST
    if first_name is not None:
        count = await connection.fetchval(COUNT_PREFIX, list(wanted.machine_ids), first_name, end_name, COMMON_NAMES)
        statement = statement if count == COMMON_NAMES else LIST_BY_PREFIX
    rows = await connection.fetch(statement, *arguments, first_name, end_name)
    return [ListedExecution(**{**row, "status": Status(row["status"])}) for row in rows]


def stored(row: asyncpg.Record) -> StoredExecution:
    """A row of the columns that every reading of whole executions selects."""
    values = dict(row)
    run_id, index, item_count = values.pop("map_run_id"), values.pop("map_index"), values.pop("item_count")
    arn, shard, label = values.pop("map_run_arn"), values.pop("map_shard"), values.pop("map_label")
    state, express = values.pop("map_state"), values.pop("map_express")
    attempt, pending = values.pop("map_attempt"), values.pop("map_pending")
    if run_id is not None:
        values["map_child"] = MapChild(
            run_id=run_id,
            run_arn=arn,
            run_shard=shard,
            index=index,
            item_count=item_count,
            label=label,
            state=state,
            express=express,
            attempt=attempt,
            pending_redrive=bool(pending),
        )
    parent = None if values["parent"] is None else Parent.of_text(values["parent"])
    return StoredExecution(**{**values, "status": Status(values["status"]), "parent": parent})
