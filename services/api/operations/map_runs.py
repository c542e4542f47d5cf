"""DescribeMapRun, ListMapRuns, UpdateMapRun."""

from __future__ import annotations

from typing import Any

from engine.arn import Arn
from services.api import errors
from services.api.collaborators import MapRunChange, MapRunRow, MapRuns
from services.api.context import Context
from services.api.operations.found import find_execution
from services.api.request import Request
from services.api.shapes import seconds


async def describe_map_run(context: Context, request: Request) -> dict[str, Any]:
    """Describe a map run with all its counters."""
    arn = request.arn("mapRunArn", "mapRun")
    run = await _find(context, request, arn)
    execution = await context.store.execution_by_id(run.execution_id)
    counts = await _runs(context, request).counts(run.id, context.clock.now_ms())
    if execution is None or counts is None:
        raise errors.resource_not_found(str(arn))
    answer: dict[str, Any] = {
        "mapRunArn": run.arn,
        "executionArn": f"{request.arn_prefix}:execution:{execution.machine_name}:{execution.name}",
        "status": run.status,
        "startDate": seconds(run.start_ms),
        "maxConcurrency": run.max_concurrency,
        "toleratedFailurePercentage": run.tolerated_failure_percentage,
        "toleratedFailureCount": run.tolerated_failure_count,
        "itemCounts": dict(counts.items),
        "executionCounts": dict(counts.executions),
        "redriveCount": run.redrive_count,
    }
    if run.stop_ms is not None:
        answer["stopDate"] = seconds(run.stop_ms)
    if run.redrive_ms is not None:
        answer["redriveDate"] = seconds(run.redrive_ms)
    return answer


async def list_map_runs(context: Context, request: Request) -> dict[str, Any]:
    """List the map runs that an execution has started."""
    arn = request.arn("executionArn", "execution")
    row = await find_execution(context, request, arn)
    runs = _runs(context, request)
    page = context.page_tokens.paging(request, context.clock.now_ms())
    found = await runs.list_map_runs(row.id, page.after_id, page.limit)
    return page.answer("mapRuns", found, lambda run: _list_item(request, arn, run), lambda run: run.id.bytes)


def _list_item(request: Request, execution: Arn, run: MapRunRow) -> dict[str, Any]:
    item: dict[str, Any] = {
        "executionArn": str(execution),
        "mapRunArn": run.arn,
        "stateMachineArn": f"{request.arn_prefix}:stateMachine:{run.machine_name}/{run.label}",
        "startDate": seconds(run.start_ms),
    }
    if run.stop_ms is not None:
        item["stopDate"] = seconds(run.stop_ms)
    return item


async def update_map_run(context: Context, request: Request) -> dict[str, Any]:
    """Change concurrency and tolerated failures of a map run that still runs."""
    body = request.body
    arn = request.arn("mapRunArn", "mapRun")
    run = await _find(context, request, arn)
    change = MapRunChange(
        body.get("maxConcurrency"), body.get("toleratedFailurePercentage"), body.get("toleratedFailureCount")
    )
    if change == MapRunChange():
        message = "At least one of maxConcurrency, toleratedFailurePercentage, toleratedFailureCount must be specified"
        raise errors.validation(message, "MISSING_REQUIRED_PARAMETER")
    if not await _runs(context, request).update_map_run(run.id, change):
        raise errors.validation("Cannot update a completed Map Run", "CANNOT_UPDATE_COMPLETED_MAP_RUN")
    return {}


async def _find(context: Context, request: Request, arn: Arn) -> MapRunRow:
    runs = _runs(context, request)
    run = await runs.map_run(request.account, request.region, str(arn)) if request.owns(arn) else None
    if run is None:
        raise errors.resource_not_found(str(arn))
    return run


def _runs(context: Context, request: Request) -> MapRuns:
    if context.map_runs is None:
        raise errors.not_served(f"{request.operation} is")
    return context.map_runs
