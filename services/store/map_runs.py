"""Table `map_runs`, and the child executions of a run: everything that a scheduler needs to go on with one.

A run is driven by whoever owns its parent's shard. Nothing here needs a lease: children are started by names that
follow from run and index, an attempt of a run ends once, and it begins once. What reads or changes an attempt says
which one it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final
from uuid import UUID

import asyncpg

from engine.execution.execution import Status
from services.store.bulk_jobs import BulkJobsStore
from services.store.executions import MAP_RUN, ROW, stored
from services.store.map_run_records import COUNT_GIVEN, PERCENTAGE_GIVEN, MapRun, MapRunEnd, RunCounts
from services.store.records import StoredExecution
from services.store.user_text import storable

_NAMES: Final = tuple(field.name for field in fields(MapRun))
_COLUMNS: Final = ", ".join(_NAMES)

# Plan: primary key.
BY_ID: Final = f"SELECT {_COLUMNS} FROM map_runs WHERE id = $1"
CREATE: Final = f"""
    INSERT INTO map_runs ({_COLUMNS}) VALUES ({", ".join(f"${number + 1}" for number in range(len(_NAMES)))})
    ON CONFLICT (id) DO NOTHING
"""
PLAN: Final = """
    UPDATE map_runs SET planned_items = $2, planned_executions = $3, planned = true
    WHERE id = $1 AND reading = $4 AND status = 'RUNNING' AND NOT planned
"""
END: Final = """
    WITH ended AS (
        UPDATE map_runs
        SET status = $3, stop_ms = $4, error = $5, cause = $6, results = coalesce($7, results)
        WHERE id = $1 AND redrive_count = $2 AND status = 'RUNNING'
        RETURNING id, status
    )
    DELETE FROM map_run_inputs USING ended WHERE run_id = ended.id AND ended.status = 'SUCCEEDED'
"""
# A run that has started no child reads its items again.
REDRIVE: Final = """
    UPDATE map_runs
    SET status = 'RUNNING', redrive_count = $2, redrive_ms = $3, stop_ms = NULL, error = NULL, cause = NULL,
        planned = planned AND EXISTS (SELECT FROM executions WHERE map_run_id = $1 AND executions.id >= $4)
    WHERE id = $1 AND redrive_count < $2 AND status <> 'RUNNING'
"""

# Plan: primary keys.
READ: Final = """
    WITH forgotten AS (
        DELETE FROM map_run_inputs USING map_runs WHERE run_id = $1 AND map_runs.id = $1 AND NOT map_runs.planned
    )
    UPDATE map_runs SET reading = reading + 1 WHERE id = $1 AND NOT planned RETURNING reading
"""
PUT_INPUTS: Final = """
    INSERT INTO map_run_inputs (run_id, first_index, inputs)
    SELECT id, $3, $4 FROM map_runs WHERE id = $1 AND reading = $2 AND NOT planned FOR SHARE
    ON CONFLICT (run_id, first_index) DO UPDATE SET inputs = excluded.inputs
"""
INPUTS: Final = """
    SELECT first_index, inputs FROM map_run_inputs
    WHERE run_id = $1 AND first_index <= $2
    ORDER BY first_index DESC
    LIMIT 1
"""
UPDATE: Final = f"""
    UPDATE map_runs
    SET max_concurrency = coalesce($2, max_concurrency),
        tolerated_percentage = coalesce($3, tolerated_percentage),
        tolerated_count = coalesce($4, tolerated_count),
        threshold_given = threshold_given
            | CASE WHEN $4::bigint IS NULL THEN 0 ELSE {COUNT_GIVEN} END
            | CASE WHEN $3::double precision IS NULL THEN 0 ELSE {PERCENTAGE_GIVEN} END
    WHERE id = $1 AND status = 'RUNNING'
"""

# Plan: index map_runs_list, backwards.
LIST: Final = f"""
    SELECT {_COLUMNS} FROM map_runs
    WHERE execution_id = $1
        AND ($2::uuid IS NULL OR (start_ms, id) < (SELECT start_ms, id FROM map_runs WHERE id = $2))
    ORDER BY start_ms DESC, id DESC
    LIMIT $3
"""

# Plan: index map_runs_open, then the parents' primary keys.
LEFT_OVER: Final = f"""
    SELECT {", ".join(f"r.{name}" for name in _NAMES)}
    FROM map_runs AS r JOIN executions AS e ON e.id = r.execution_id
    WHERE r.status = 'RUNNING' AND r.shard = ANY ($1) AND e.status <> 0
    LIMIT $2
"""

# Plan: index executions_children, in the partitions since the run began ($2).
_STATUS: Final = "CASE WHEN status IN (2, 3, 4) AND coalesce(map_attempt, 0) < $3 THEN 5 ELSE status END"
COUNTS: Final = f"""
    SELECT {_STATUS}, count(*), coalesce(sum(item_count), 0)::bigint FROM executions
    WHERE map_run_id = $1 AND id >= $2
    GROUP BY 1
"""
OPEN_CHILDREN: Final = """
    SELECT id FROM executions WHERE map_run_id = $1 AND id >= $2 AND status = 0 ORDER BY map_index LIMIT $3
"""
PENDING_REDRIVE: Final = f"""
    SELECT id FROM executions WHERE map_run_id = $1 AND id >= $2 AND {_STATUS} = 5 ORDER BY map_index LIMIT $4
"""
# Plan: the same index, then the last page of each child that failed.
NOT_REDRIVABLE: Final = """
    SELECT count(*), coalesce(sum(item_count), 0)::bigint FROM executions AS e
    WHERE map_run_id = $1 AND e.id >= $2 AND status IN (2, 3, 4) AND (
        stop_ms <= $3 OR start_ms <= $4 OR $5 <= (
            SELECT last_event_id FROM history AS h WHERE h.execution_id = e.id ORDER BY page_number DESC LIMIT 1
        )
    )
"""
CHILDREN: Final = (
    ROW
    + f"""
    FROM executions AS e
    JOIN state_machines AS m ON m.id = e.machine_id
    JOIN revisions AS r ON r.id = e.revision_id
    {MAP_RUN}
    WHERE e.map_run_id = $1 AND e.id >= $2 AND e.map_index > $3
    ORDER BY e.map_index
    LIMIT $4
"""
)
NEWEST_CHILDREN: Final = (
    ROW
    + f"""
    FROM executions AS e
    JOIN state_machines AS m ON m.id = e.machine_id
    JOIN revisions AS r ON r.id = e.revision_id
    {MAP_RUN}
    WHERE e.map_run_id = $1 AND e.id >= $2 AND e.id < $4
        AND CASE WHEN e.status IN (2, 3, 4) AND coalesce(e.map_attempt, 0) < $3 THEN 5 ELSE e.status END = ANY ($5)
    ORDER BY e.id DESC
    LIMIT $6
"""
)
PURGE: Final = "DELETE FROM map_runs WHERE status <> 'RUNNING' AND stop_ms < $1"

_CLOCKS_APART_MS: Final = 60_000


class MapRunsStore(BulkJobsStore):
    """The methods of the store for map runs. Each is one transaction."""

    async def create_map_run(self, run: MapRun) -> MapRun:
        """Write a run, unless it is there; the run as it stands."""
        async with self._connection() as connection:
            await connection.execute(CREATE, *(getattr(run, name) for name in _NAMES))
            return _run(await connection.fetchrow(BY_ID, run.id))

    async def map_run(self, run_id: UUID) -> MapRun | None:
        """One run."""
        async with self._connection() as connection:
            row = await connection.fetchrow(BY_ID, run_id)
        return None if row is None else _run(row)

    async def list_map_runs(self, execution_id: UUID, after: UUID | None, limit: int) -> list[MapRun]:
        """The runs of an execution, newest first."""
        async with self._connection() as connection:
            return [_run(row) for row in await connection.fetch(LIST, execution_id, after, limit)]

    async def begin_map_inputs(self, run_id: UUID) -> int:
        """Begin to read the items of a run: what others have kept halfway is dropped, the number of this reading."""
        async with self._connection() as connection:
            return int(await connection.fetchval(READ, run_id) or 0)

    async def put_map_inputs(self, run_id: UUID, reading: int, first_index: int, inputs: bytes) -> None:
        """Keep the inputs of some children, as long as nobody else has begun to read and not all are there."""
        async with self._connection() as connection:
            await connection.execute(PUT_INPUTS, run_id, reading, first_index, inputs)

    async def map_inputs(self, run_id: UUID, index: int) -> tuple[int, bytes] | None:
        """The kept inputs among which that child's is, with the index of the first one."""
        async with self._connection() as connection:
            row = await connection.fetchrow(INPUTS, run_id, index)
        return None if row is None else (row[0], row[1])

    async def plan_map_run(self, run_id: UUID, reading: int, items: int, executions: int) -> None:
        """Write how much there is to do: the inputs of all children are kept now."""
        async with self._connection() as connection:
            await connection.execute(PLAN, run_id, items, executions, reading)

    async def redrive_map_run(self, run: MapRun, redrive_count: int, now_ms: int) -> None:
        """Let the next attempt of a run that has ended begin, if it has not begun."""
        async with self._connection() as connection:
            await connection.execute(REDRIVE, run.id, redrive_count, now_ms, _since(run))

    async def update_map_run(
        self, run_id: UUID, max_concurrency: int | None, percentage: float | None, count: int | None
    ) -> bool:
        """Change a running run; False if it has ended."""
        async with self._connection() as connection:
            tag = await connection.execute(UPDATE, run_id, max_concurrency, percentage, count)
        return not tag.endswith(" 0")

    async def end_map_run(self, run: MapRun, end: MapRunEnd) -> None:
        """Let this attempt of it end, if it has not ended."""
        values = end.status, end.stop_ms, storable(end.error), storable(end.cause), storable(end.results)
        async with self._connection() as connection:
            await connection.execute(END, run.id, run.redrive_count, *values)

    async def left_over_map_runs(self, shards: Sequence[int], limit: int) -> list[MapRun]:
        """Open runs whose parent has ended."""
        async with self._connection() as connection:
            return [_run(row) for row in await connection.fetch(LEFT_OVER, shards, limit)]

    async def map_run_counts(self, run: MapRun) -> RunCounts:
        """How its children stand."""
        async with self._connection() as connection:
            rows = await connection.fetch(COUNTS, run.id, _since(run), _attempt(run))
        return RunCounts({Status(row[0]): (row[1], row[2]) for row in rows})

    async def open_map_children(self, run: MapRun, limit: int) -> list[UUID]:
        """Children that still run."""
        async with self._connection() as connection:
            return [row[0] for row in await connection.fetch(OPEN_CHILDREN, run.id, _since(run), limit)]

    async def map_children_to_redrive(self, run: MapRun, limit: int) -> list[UUID]:
        """Children that failed in an attempt before this one, in the order of the items."""
        async with self._connection() as connection:
            rows = await connection.fetch(PENDING_REDRIVE, run.id, _since(run), _attempt(run), limit)
        return [row[0] for row in rows]

    async def map_failures_not_redrivable(
        self, run: MapRun, stopped_before_ms: int, started_before_ms: int, events_max: int
    ) -> tuple[int, int]:
        """Children that failed for good, too long ago or with too long a history: executions and items."""
        async with self._connection() as connection:
            values = _since(run), stopped_before_ms, started_before_ms, events_max
            row = await connection.fetchrow(NOT_REDRIVABLE, run.id, *values)
        return row[0], row[1]

    async def map_children(self, run: MapRun, after: int, limit: int) -> list[StoredExecution]:
        """Children in the order of the items, behind that index."""
        async with self._connection() as connection:
            return [stored(row) for row in await connection.fetch(CHILDREN, run.id, _since(run), after, limit)]

    async def newest_map_children(
        self, run: MapRun, statuses: Sequence[Status], before: UUID, limit: int
    ) -> list[StoredExecution]:
        """Children of those statuses, newest first."""
        wanted = [int(status) for status in statuses]
        async with self._connection() as connection:
            values = _since(run), _attempt(run), before, wanted, limit
            rows = await connection.fetch(NEWEST_CHILDREN, run.id, *values)
        return [stored(row) for row in rows]

    async def purge_map_runs(self, ended_before_ms: int) -> None:
        """Forget runs that ended long ago; their children are gone by then."""
        async with self._connection() as connection:
            await connection.execute(PURGE, ended_before_ms)


def _since(run: MapRun) -> UUID:
    """Ids of its children begin with a time after the run's start, whatever clock named it."""
    return UUID(int=max(0, run.start_ms - _CLOCKS_APART_MS) << 80)


def _attempt(run: MapRun) -> int:
    """Children that failed in an attempt before this one wait for their redrive; none does once the run has ended."""
    return run.redrive_count if run.status == "RUNNING" else 0


def _run(row: asyncpg.Record) -> MapRun:
    return MapRun(**dict(row))
