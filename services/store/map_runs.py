"""Table `map_runs`, and the child executions of a run: everything that a scheduler needs to go on with one.

A run is driven by whoever owns its parent's shard. Nothing here needs a lease: children are started by names that
follow from run and index, and a run ends once.
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
from services.store.map_run_records import COUNT_GIVEN, PERCENTAGE_GIVEN, MapRun, RunCounts, RunStatus
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
PLAN: Final = "UPDATE map_runs SET planned_items = $2, planned_executions = $3 WHERE id = $1 AND status = 'RUNNING'"
END: Final = """
    UPDATE map_runs SET status = $2, stop_ms = $3, error = $4, cause = $5 WHERE id = $1 AND status = 'RUNNING'
"""
UPDATE: Final = f"""
    UPDATE map_runs
    SET max_concurrency = coalesce($2, max_concurrency),
        tolerated_percentage = coalesce($3, tolerated_percentage),
        tolerated_count = coalesce($4, tolerated_count),
        threshold_given = threshold_given
            | CASE WHEN $4::integer IS NULL THEN 0 ELSE {COUNT_GIVEN} END
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
COUNTS: Final = """
    SELECT status, count(*), coalesce(sum(item_count), 0)::bigint FROM executions
    WHERE map_run_id = $1 AND id >= $2
    GROUP BY status
"""
OPEN_CHILDREN: Final = """
    SELECT id FROM executions WHERE map_run_id = $1 AND id >= $2 AND status = 0 ORDER BY map_index LIMIT $3
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
    WHERE e.map_run_id = $1 AND e.id >= $2 AND e.id < $3 AND e.status = ANY ($4)
    ORDER BY e.id DESC
    LIMIT $5
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

    async def plan_map_run(self, run_id: UUID, items: int, executions: int) -> None:
        """Write how much there is to do."""
        async with self._connection() as connection:
            await connection.execute(PLAN, run_id, items, executions)

    async def update_map_run(
        self, run_id: UUID, max_concurrency: int | None, percentage: float | None, count: int | None
    ) -> bool:
        """Change a running run; False if it has ended."""
        async with self._connection() as connection:
            tag = await connection.execute(UPDATE, run_id, max_concurrency, percentage, count)
        return not tag.endswith(" 0")

    async def end_map_run(
        self, run_id: UUID, status: RunStatus, stop_ms: int, error: str | None, cause: str | None
    ) -> None:
        """Let it end, if it has not ended."""
        async with self._connection() as connection:
            await connection.execute(END, run_id, status, stop_ms, storable(error), storable(cause))

    async def left_over_map_runs(self, shards: Sequence[int], limit: int) -> list[MapRun]:
        """Open runs whose parent has ended."""
        async with self._connection() as connection:
            return [_run(row) for row in await connection.fetch(LEFT_OVER, shards, limit)]

    async def map_run_counts(self, run: MapRun) -> RunCounts:
        """How its children stand."""
        async with self._connection() as connection:
            rows = await connection.fetch(COUNTS, run.id, _since(run))
        return RunCounts({Status(row[0]): (row[1], row[2]) for row in rows})

    async def open_map_children(self, run: MapRun, limit: int) -> list[UUID]:
        """Children that still run."""
        async with self._connection() as connection:
            return [row[0] for row in await connection.fetch(OPEN_CHILDREN, run.id, _since(run), limit)]

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
            rows = await connection.fetch(NEWEST_CHILDREN, run.id, _since(run), before, wanted, limit)
        return [stored(row) for row in rows]

    async def purge_map_runs(self, ended_before_ms: int) -> None:
        """Forget runs that ended long ago; their children are gone by then."""
        async with self._connection() as connection:
            await connection.execute(PURGE, ended_before_ms)


def _since(run: MapRun) -> UUID:
    """Ids of its children begin with a time after the run's start, whatever clock named it."""
    return UUID(int=max(0, run.start_ms - _CLOCKS_APART_MS) << 80)


def _run(row: asyncpg.Record) -> MapRun:
    return MapRun(**dict(row))
