"""The API's view of map runs, from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from engine.arn import parse_arn
from engine.execution.execution import Status
from services.api.collaborators import MapRunChange, MapRunCounts, MapRunRow
from services.api.redrive import AGE_MS, EVENTS_MAX, PERIOD_MS
from services.store.description import list_child
from services.store.executions import ID_MAX
from services.store.map_run_records import MapRun
from services.store.map_runs import MapRunsStore

_AT_ONCE: Final = 1_000
_FAILED: Final = (Status.FAILED, Status.TIMED_OUT, Status.ABORTED)


class MapRunReader:
    """`services.api.collaborators.MapRuns` on the store."""

    def __init__(self, store: MapRunsStore) -> None:
        """Nothing is kept."""
        self._store = store

    async def map_run(self, account: str, region: str, arn: str) -> MapRunRow | None:
        """One map run; an ARN that differs from the run's own in anything names none."""
        try:
            run = await self._store.map_run(UUID(parse_arn(arn, "mapRun").unique))
        except ValueError:
            return None
        return None if run is None or run.arn != arn else _row(run)

    async def counts(self, map_run_id: UUID, now_ms: int) -> MapRunCounts | None:
        """How many items and executions there are of each kind."""
        run = await self._store.map_run(map_run_id)
        if run is None:
            return None
        counts = await self._store.map_run_counts(run)
        executions = items = 0
        if not run.express and counts.executions(*_FAILED, Status.PENDING_REDRIVE):
            limits = now_ms - PERIOD_MS, now_ms - AGE_MS, EVENTS_MAX
            executions, items = await self._store.map_failures_not_redrivable(run, *limits)
        over = run.status != "RUNNING"
        return MapRunCounts(
            items=_counts(counts.items, run.planned_items, items, over),
            executions=_counts(counts.executions, run.planned_executions, executions, over),
        )

    async def list_map_runs(self, execution_id: UUID, after: UUID | None, limit: int) -> Sequence[MapRunRow]:
        """The map runs of an execution, newest first."""
        return [_row(run) for run in await self._store.list_map_runs(execution_id, after, limit)]

    async def update_map_run(self, map_run_id: UUID, change: MapRunChange) -> bool:
        """Change a running map run; False if it has ended."""
        return await self._store.update_map_run(
            map_run_id, change.max_concurrency, change.tolerated_failure_percentage, change.tolerated_failure_count
        )

    async def list_children(
        self, map_run_id: UUID, statuses: Sequence[str], redriven: bool | None, after: str | None, limit: int
    ) -> Sequence[dict[str, Any]]:
        """Child executions, newest first; `after` is the last executionArn before."""
        run = await self._store.map_run(map_run_id)
        if run is None:
            return []
        wanted = [Status[name] for name in statuses] or list(Status)
        before = UUID(int=ID_MAX)
        if after is not None:
            arn = parse_arn(after, "execution", "express")
            name = f"{arn.name}/{arn.label}"
            last = await self._store.execution_by_name(arn.account, arn.region, name, arn.execution)
            before = before if last is None else last.id
        if redriven is None:
            found = await self._store.newest_map_children(run, wanted, before, limit)
            return [list_child(row) for row in found]
        kept: list[dict[str, Any]] = []
        while len(kept) < limit:
            found = await self._store.newest_map_children(run, wanted, before, _AT_ONCE)
            kept += [list_child(row) for row in found if bool(row.redrive_count) is redriven]
            if len(found) < _AT_ONCE:
                break
            before = found[-1].id
        return kept[:limit]


def _row(run: MapRun) -> MapRunRow:
    return MapRunRow(
        id=run.id,
        arn=run.arn,
        execution_id=run.execution_id,
        machine_name=parse_arn(run.arn, "mapRun").name,
        label=run.label,
        status=run.status,
        start_ms=run.start_ms,
        stop_ms=run.stop_ms,
        max_concurrency=run.max_concurrency,
        tolerated_failure_percentage=run.tolerated_percentage,
        tolerated_failure_count=run.tolerated_count,
        redrive_count=run.redrive_count,
        redrive_ms=run.redrive_ms,
    )


def _counts(count: Any, total: int, not_redrivable: int, over: bool) -> Mapping[str, int]:
    total = max(total, count())
    return {
        "pending": total - count(),
        "running": count(Status.RUNNING),
        "succeeded": count(Status.SUCCEEDED),
        "failed": count(Status.FAILED),
        "timedOut": count(Status.TIMED_OUT),
        "aborted": count(Status.ABORTED),
        "total": total,
        "resultsWritten": total if over else 0,
        "failuresNotRedrivable": not_redrivable,
        "pendingRedrive": count(Status.PENDING_REDRIVE),
    }
