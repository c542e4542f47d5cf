"""Tables `bulk_jobs` and `bulk_job_failures`: jobs over many executions, worked off by one runner at a time.

A runner holds a job by a lease and takes its executions in two steps: they are written as pending before anything is
done to them, and counted when it is done. So a job that changes hands counts every execution once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final
from uuid import UUID

import asyncpg

from engine.execution.execution import Status
from services.store.bulk_records import BulkFailure, BulkJob, BulkResults
from services.store.executions import EVERY_STATUS, ID_MAX, LAST_CHARACTER
from services.store.hot import HotStore
from services.store.records import ExecutionFilter, ListedExecution
from services.store.user_text import storable

# Failures beyond these are counted and not listed.
FAILURES_MAX: Final = 10_000

_COLUMNS: Final = ", ".join(field.name for field in fields(BulkJob))

CREATE: Final = """
    INSERT INTO bulk_jobs (
        id, account, region, machine_id, machine_name, action, dry_run, statuses, name_prefix, failed_with,
        started_from_ms, started_before_ms, stop_error, stop_cause, rate, created_ms
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""

# Plan: primary key.
BY_ID: Final = f"SELECT {_COLUMNS} FROM bulk_jobs WHERE id = $1"

# Plan: index bulk_jobs_list, backwards.
LIST: Final = f"""
    SELECT {_COLUMNS} FROM bulk_jobs
    WHERE account = $1 AND region = $2 AND ($3::uuid IS NULL OR id < $3)
    ORDER BY id DESC
    LIMIT $4
"""

# Plan: primary key.
FAILURES: Final = """
    SELECT execution_id, execution_name, error, message FROM bulk_job_failures
    WHERE job_id = $1 AND ($2::uuid IS NULL OR execution_id > $2)
    ORDER BY execution_id
    LIMIT $3
"""

# Plan: primary key.
CANCEL: Final = "UPDATE bulk_jobs SET status = 'CANCELLED', ended_ms = $2 WHERE id = $1 AND status = 'RUNNING'"

# Plan: index bulk_jobs_running; a job that another runner is claiming is skipped.
CLAIM: Final = f"""
    WITH free AS (
        SELECT id AS free_id FROM bulk_jobs
        WHERE status = 'RUNNING' AND lease_until < clock_timestamp()
        ORDER BY id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    UPDATE bulk_jobs SET runner = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
    FROM free
    WHERE id = free_id
    RETURNING {_COLUMNS}
"""

_HELD: Final = "WHERE id = $1 AND runner = $2 AND status = 'RUNNING'"

# Plan: primary key.
SET_TOTAL: Final = f"UPDATE bulk_jobs SET total = $3 {_HELD}"
TAKE: Final = f"""
    UPDATE bulk_jobs
    SET pending = $3, cursor = $4, lease_until = clock_timestamp() + make_interval(secs => $5)
    {_HELD}
"""
SETTLE: Final = f"""
    UPDATE bulk_jobs
    SET pending = '{{}}', done = done + $3, skipped = skipped + $4, failed = failed + $5
    {_HELD}
    RETURNING failed
"""
COMPLETE: Final = f"UPDATE bulk_jobs SET status = 'COMPLETED', ended_ms = $3 {_HELD}"

# What a runner that stops has in hand is looked at again by the next one.
RELEASE: Final = "UPDATE bulk_jobs SET runner = NULL, lease_until = '-infinity' WHERE runner = $1"

# Plan: primary keys, in the partitions that the ids name.
LISTED: Final = """
    SELECT
        id, machine_id, name, status, start_ms, version_number, alias_name, stop_ms, redrive_count, redrive_ms, error
    FROM executions WHERE id = ANY ($1)
"""

# Jobs are few, and this runs once an hour.
PURGE: Final = "DELETE FROM bulk_jobs WHERE status <> 'RUNNING' AND ended_ms < $1"

ADD_FAILURES: Final = """
    INSERT INTO bulk_job_failures (job_id, execution_id, execution_name, error, message)
    SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[])
    ON CONFLICT DO NOTHING
"""

# Plan: a range of index executions_list per status, cut off; the rows are read only where a name or an error counts.
COUNT: Final = """
    SELECT count(*) FROM (
        SELECT FROM unnest($2::smallint[]) AS s (status)
        CROSS JOIN LATERAL (
            SELECT FROM executions
            WHERE machine_id = $1 AND executions.status = s.status
                AND (machine_id, executions.status, executions.id) >= ($1, s.status, $3)
                AND (machine_id, executions.status, executions.id) < ($1, s.status, $4)
                AND map_run_id IS NULL AND ($5::text IS NULL OR error = $5)
                AND ($6::text IS NULL OR (executions.name >= $6 AND executions.name < $7))
            LIMIT $8
        ) AS e
        LIMIT $8
    ) AS n
"""


def executions_of(job: BulkJob) -> ExecutionFilter:
    """What is left of the executions that a job is about."""
    return ExecutionFilter(
        machine_ids=(job.machine_id,),
        statuses=job.statuses,
        name_prefix=job.name_prefix,
        error=job.failed_with,
        started_from_ms=job.started_from_ms,
        started_before_ms=job.started_before_ms,
        before=job.cursor,
    )


class BulkJobsStore(HotStore):
    """The methods of the store for bulk jobs. Each is one transaction."""

    async def create_bulk_job(self, job: BulkJob) -> None:
        """Write a new job."""
        async with self._connection() as connection:
            await connection.execute(
                CREATE,
                job.id, job.account, job.region, job.machine_id, job.machine_name, job.action, job.dry_run,
                [int(status) for status in job.statuses], storable(job.name_prefix), storable(job.failed_with),
                job.started_from_ms, job.started_before_ms, storable(job.stop_error), storable(job.stop_cause),
                job.rate, job.created_ms,
            )  # fmt: skip

    async def bulk_job(self, job_id: UUID) -> BulkJob | None:
        """One job."""
        async with self._connection() as connection:
            row = await connection.fetchrow(BY_ID, job_id)
        return None if row is None else _job(row)

    async def list_bulk_jobs(self, account: str, region: str, before: UUID | None, limit: int) -> list[BulkJob]:
        """Jobs, newest first."""
        async with self._connection() as connection:
            return [_job(row) for row in await connection.fetch(LIST, account, region, before, limit)]

    async def bulk_failures(self, job_id: UUID, after: UUID | None, limit: int) -> list[BulkFailure]:
        """What a job could not do, oldest execution first."""
        async with self._connection() as connection:
            return [BulkFailure(*row) for row in await connection.fetch(FAILURES, job_id, after, limit)]

    async def cancel_bulk_job(self, job_id: UUID, now_ms: int) -> bool:
        """End a running job where it is; False if it has ended."""
        async with self._connection() as connection:
            return _changed(await connection.execute(CANCEL, job_id, now_ms))

    # The runner's half

    async def claim_bulk_job(self, runner: str, lease_seconds: float) -> BulkJob | None:
        """Take a running job that no living runner holds."""
        async with self._connection() as connection:
            row = await connection.fetchrow(CLAIM, runner, lease_seconds)
        return None if row is None else _job(row)

    async def count_bulk_job(self, job: BulkJob, runner: str, most: int) -> None:
        """Count the executions that a job is about; more than `most` stay uncounted."""
        first = 0 if job.started_from_ms is None else job.started_from_ms << 80
        end = min(ID_MAX, job.started_before_ms << 80)
        prefix = storable(job.name_prefix) or None
        last = None if prefix is None else prefix + LAST_CHARACTER
        statuses = [int(status) for status in job.statuses] or EVERY_STATUS
        async with self._connection() as connection:
            total = await connection.fetchval(
                COUNT, job.machine_id, statuses, UUID(int=first), UUID(int=end), storable(job.failed_with), prefix,
                last, most + 1,
            )  # fmt: skip
            await connection.execute(SET_TOTAL, job.id, runner, total if total <= most else None)

    async def listed_executions(self, ids: Sequence[UUID]) -> list[ListedExecution]:
        """Those executions as they are now, without payloads, in the order of the ids."""
        async with self._connection() as connection:
            rows = await connection.fetch(LISTED, ids)
        found = {row["id"]: ListedExecution(**{**row, "status": Status(row["status"])}) for row in rows}
        return [found[wanted] for wanted in ids if wanted in found]

    async def take_bulk_executions(
        self, job_id: UUID, runner: str, pending: Sequence[UUID], cursor: UUID, lease_seconds: float
    ) -> bool:
        """Write which executions are about to be dealt with, and keep the job; False if it is not held any more."""
        async with self._connection() as connection:
            return _changed(await connection.execute(TAKE, job_id, runner, pending, cursor, lease_seconds))

    async def settle_bulk_executions(self, job_id: UUID, runner: str, results: BulkResults) -> bool:
        """Count what came of the pending executions; False if the job is not held any more."""
        failures = results.failures
        async with self._connection() as connection, connection.transaction():
            count = await connection.fetchval(SETTLE, job_id, runner, results.done, results.skipped, len(failures))
            if count is None:
                return False
            if failures and count - len(failures) < FAILURES_MAX:
                await connection.execute(
                    ADD_FAILURES,
                    job_id,
                    [failure.execution_id for failure in failures],
                    [failure.execution_name for failure in failures],
                    [failure.error for failure in failures],
                    [failure.message for failure in failures],
                )
            return True

    async def complete_bulk_job(self, job_id: UUID, runner: str, now_ms: int) -> bool:
        """Every execution has been dealt with; False if the job is not held any more."""
        async with self._connection() as connection:
            return _changed(await connection.execute(COMPLETE, job_id, runner, now_ms))

    async def release_bulk_jobs(self, runner: str) -> None:
        """Give back what this runner holds, so that another one goes on at once."""
        async with self._connection() as connection:
            await connection.execute(RELEASE, runner)

    async def purge_bulk_jobs(self, ended_before_ms: int) -> None:
        """Forget jobs that ended long ago."""
        async with self._connection() as connection:
            await connection.execute(PURGE, ended_before_ms)


def _job(row: asyncpg.Record) -> BulkJob:
    values: dict[str, Any] = dict(row)
    statuses = tuple(Status(number) for number in row["statuses"])
    return BulkJob(**values | {"statuses": statuses, "pending": tuple(row["pending"])})


def _changed(tag: str) -> bool:
    """Whether a statement's command tag (`UPDATE 1`) tells of a row."""
    return not tag.endswith(" 0")
