"""Stepwell's own operations on bulk jobs: start one, look at it, end it. The scheduler processes work them off."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from engine.execution.execution import Status
from services.api import errors
from services.api.context import Context
from services.api.operations.found import find_machine
from services.api.request import Request
from services.api.shapes import seconds
from services.store.bulk_records import BulkFailure, BulkJob

RATE_DEFAULT: Final = 50
STOPPABLE: Final = (Status.RUNNING,)
REDRIVABLE: Final = (Status.FAILED, Status.TIMED_OUT, Status.ABORTED)


async def start_bulk_job(context: Context, request: Request) -> dict[str, Any]:
    """Start a job over the executions that a state machine has now; later ones are not touched."""
    body = request.body
    arn = request.arn("stateMachineArn", "stateMachine")
    machine = await find_machine(context, request, arn)
    if machine.type == "EXPRESS":
        raise errors.state_machine_type_not_supported()
    action = body["action"]
    possible = STOPPABLE if action == "STOP" else REDRIVABLE
    statuses = tuple(Status[name] for name in dict.fromkeys(body.get("statuses") or ())) or possible
    if not set(statuses) <= set(possible):
        names = ", ".join(status.name for status in possible)
        raise errors.validation(f"{action} is for executions with one of these statuses: {names}")
    if action != "STOP" and (body.get("stopError") or body.get("stopCause")):
        raise errors.validation("stopError and stopCause can only be given with the action STOP")
    now_ms = context.clock.now_ms()
    before_ms = milliseconds(body.get("startedBefore"))
    job = BulkJob(
        id=context.ids.execution_id(now_ms),
        account=request.account,
        region=request.region,
        machine_id=machine.id,
        machine_name=machine.name,
        action=action,
        statuses=statuses,
        started_from_ms=milliseconds(body.get("startedAfter")),
        started_before_ms=now_ms + 1 if before_ms is None else min(before_ms, now_ms + 1),
        created_ms=now_ms,
        rate=body.get("maxPerSecond") or RATE_DEFAULT,
        dry_run=bool(body.get("dryRun")),
        name_prefix=body.get("namePrefix") or "",
        failed_with=body.get("error"),
        stop_error=body.get("stopError"),
        stop_cause=body.get("stopCause"),
    )
    await context.store.create_bulk_job(job)
    return {"bulkJobId": str(job.id), "startDate": seconds(now_ms)}


async def describe_bulk_job(context: Context, request: Request) -> dict[str, Any]:
    """How far a job has come, and what it was told to do."""
    job = await _find(context, request)
    told = {
        "namePrefix": job.name_prefix or None,
        "error": job.failed_with,
        "startedAfter": None if job.started_from_ms is None else seconds(job.started_from_ms),
        "startedBefore": seconds(job.started_before_ms),
        "stopError": job.stop_error,
        "stopCause": job.stop_cause,
        "maxPerSecond": job.rate,
    }
    answer = _shown(request, job) | {"statuses": [status.name for status in job.statuses]}
    return answer | {name: value for name, value in told.items() if value is not None}


async def list_bulk_jobs(context: Context, request: Request) -> dict[str, Any]:
    """List the jobs of the account, newest first."""
    page = context.page_tokens.paging(request, context.clock.now_ms())
    jobs = await context.store.list_bulk_jobs(request.account, request.region, page.after_id, page.limit)
    return page.answer("bulkJobs", jobs, lambda job: _shown(request, job), lambda job: job.id.bytes)


async def list_bulk_job_failures(context: Context, request: Request) -> dict[str, Any]:
    """List what a job could not do, and why."""
    job = await _find(context, request)
    page = context.page_tokens.paging(request, context.clock.now_ms())
    failures = await context.store.bulk_failures(job.id, page.after_id, page.limit)

    def shown(failure: BulkFailure) -> dict[str, Any]:
        return {
            "executionArn": f"{request.arn_prefix}:execution:{job.machine_name}:{failure.execution_name}",
            "name": failure.execution_name,
            "error": failure.error,
            "message": failure.message,
        }

    return page.answer("failures", failures, shown, lambda failure: failure.execution_id.bytes)


async def cancel_bulk_job(context: Context, request: Request) -> dict[str, Any]:
    """End a job where it is; one that has ended stays as it is."""
    job = await _find(context, request)
    await context.store.cancel_bulk_job(job.id, context.clock.now_ms())
    return {}


def milliseconds(moment: float | None) -> int | None:
    """A moment of the wire as the store keeps it."""
    return None if moment is None else round(moment * 1000)


async def _find(context: Context, request: Request) -> BulkJob:
    """The job that the caller names.

    Raises:
        ApiError: ResourceNotFound; a foreign job is not there either.
    """
    text = request.body["bulkJobId"]
    try:
        job = await context.store.bulk_job(UUID(text))
    except ValueError:
        job = None
    if job is None or (job.account, job.region) != (request.account, request.region):
        raise errors.resource_not_found(text)
    return job


def _shown(request: Request, job: BulkJob) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "bulkJobId": str(job.id),
        "stateMachineArn": f"{request.arn_prefix}:stateMachine:{job.machine_name}",
        "action": job.action,
        "dryRun": job.dry_run,
        "status": job.status,
        "startDate": seconds(job.created_ms),
        "doneCount": job.done,
        "skippedCount": job.skipped,
        "failedCount": job.failed,
    }
    if job.ended_ms is not None:
        answer["stopDate"] = seconds(job.ended_ms)
    if job.total is not None:
        answer["totalCount"] = job.total
    return answer
