"""SearchExecutions, Stepwell's own: executions of one, some or all state machines by name, status, time and error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from engine.arn import Arn
from engine.execution.execution import Status
from services.api import errors
from services.api.context import Context
from services.api.operations.bulk_jobs import milliseconds
from services.api.operations.found import find_machine
from services.api.request import Request, read_arn
from services.api.shapes import seconds
from services.store.records import ExecutionFilter, ListedExecution

MACHINES_MAX: Final = 1_000


async def search_executions(context: Context, request: Request) -> dict[str, Any]:
    """Find executions, newest first."""
    body = request.body
    names = await _machines(context, request)
    if not names:
        return {"executions": []}
    page = context.page_tokens.paging(request, context.clock.now_ms())
    wanted = ExecutionFilter(
        machine_ids=tuple(names),
        statuses=tuple(Status[name] for name in dict.fromkeys(body.get("statuses") or ())),
        name_prefix=body.get("namePrefix") or "",
        error=body.get("error"),
        started_from_ms=milliseconds(body.get("startedAfter")),
        started_before_ms=milliseconds(body.get("startedBefore")),
        before=page.after_id,
    )
    rows = await context.store.list_executions(wanted, page.limit)
    return page.answer("executions", rows, lambda row: _found(request, names, row), lambda row: row.id.bytes)


async def _machines(context: Context, request: Request) -> dict[UUID, str]:
    """The state machines that are searched, by id.

    Raises:
        ApiError: one does not exist or is express, or there are too many to search them all.
    """
    given = request.body.get("stateMachineArns")
    if given is None:
        machines = await context.store.list_machines(request.account, request.region, None, MACHINES_MAX + 1)
        if len(machines) > MACHINES_MAX:
            text = f"There are more than {MACHINES_MAX} state machines; name those to be searched in stateMachineArns"
            raise errors.validation(text)
    else:
        arns: list[Arn] = [read_arn(text, "stateMachine") for text in dict.fromkeys(given)]
        machines = [await find_machine(context, request, arn) for arn in arns]
        if any(machine.type == "EXPRESS" for machine in machines):
            raise errors.state_machine_type_not_supported()
    return {machine.id: machine.name for machine in machines if machine.type == "STANDARD"}


def _found(request: Request, names: Mapping[UUID, str], row: ListedExecution) -> dict[str, Any]:
    machine = names[row.machine_id]
    item: dict[str, Any] = {
        "executionArn": f"{request.arn_prefix}:execution:{machine}:{row.name}",
        "stateMachineArn": f"{request.arn_prefix}:stateMachine:{machine}",
        "name": row.name,
        "status": row.status.name,
        "startDate": seconds(row.start_ms),
        "redriveCount": row.redrive_count,
    }
    if row.error is not None:
        item["error"] = row.error
    if row.stop_ms is not None:
        item["stopDate"] = seconds(row.stop_ms)
    if row.redrive_ms is not None:
        item["redriveDate"] = seconds(row.redrive_ms)
    return item
