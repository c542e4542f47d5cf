"""Starts of express state machines: StartSyncExecution, and what StartExecution does with one."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from engine.execution.execution import Execution, Origin
from engine.payload import Payload
from services.api import errors
from services.api.collaborators import ExpressLane
from services.api.context import Context
from services.api.operations.starting import execution_name, input_of, take_test_case
from services.api.request import Request
from services.api.shapes import is_encrypted, seconds
from services.api.targets import Target
from services.runtime.faults import Overloaded
from services.store.records import Revision

BILLED_STEP_MS: Final = 100
BILLED_MEMORY_MB: Final = 64
"""AWS bills memory in steps of 64 MB; an execution here shares its process, so the least step is shown."""
_INCLUDED: Final = {"included": True}


async def start_sync_execution(context: Context, request: Request) -> dict[str, Any]:
    """Run an express execution and answer its result; a failed one is a 200 as well."""
    test_case = take_test_case(context, request.body)
    target = await context.targets.find(request)
    if not target.express:
        raise errors.state_machine_type_not_supported()
    lane = _lane(context, request)
    name = execution_name(context, request.body)
    text = input_of(request.body)
    origin, revision = await _express_origin(context, lane, request, target, name, text, test_case)
    try:
        execution = await lane.run(origin, revision)
    except Overloaded:
        raise errors.throttled() from None
    hidden = request.body.get("includedData") == "METADATA_ONLY" and is_encrypted(revision)
    return _answer(execution, data=not hidden)


async def accept_express(
    context: Context, request: Request, target: Target, name: str, text: bytes, test_case: str
) -> dict[str, Any]:
    """StartExecution of an express machine: answered when the queue has it."""
    lane = _lane(context, request)
    origin, revision = await _express_origin(context, lane, request, target, name, text, test_case)
    try:
        await lane.accept(origin, revision)
    except Overloaded:
        raise errors.throttled() from None
    return {"executionArn": origin.arn, "startDate": seconds(origin.start_ms)}


def _answer(execution: Execution, *, data: bool) -> dict[str, Any]:
    origin, stop_ms = execution.origin, execution.stop_ms
    assert execution.ended and stop_ms is not None
    answer: dict[str, Any] = {
        "executionArn": origin.arn,
        "stateMachineArn": origin.machine_arn,
        "name": origin.name,
        "startDate": seconds(origin.start_ms),
        "stopDate": seconds(stop_ms),
        "status": execution.status.name,
        "billingDetails": {
            "billedMemoryUsedInMB": BILLED_MEMORY_MB,
            "billedDurationInMilliseconds": _billed_ms(stop_ms - origin.start_ms),
        },
    }
    if data and execution.error is not None:
        answer["error"] = execution.error
    if data and execution.cause is not None:
        answer["cause"] = execution.cause
    if origin.trace_header is not None:
        answer["traceHeader"] = origin.trace_header
    if data:
        answer["input"] = origin.input.text.decode()
        answer["inputDetails"] = answer["outputDetails"] = _INCLUDED
        if execution.output is not None:
            answer["output"] = execution.output.text.decode()
    return answer


def _billed_ms(duration_ms: int) -> int:
    """Durations are billed in steps of 100 ms, begun ones in full."""
    return max(1, -(-duration_ms // BILLED_STEP_MS)) * BILLED_STEP_MS


def _lane(context: Context, request: Request) -> ExpressLane:
    if context.express is None:
        raise errors.not_served(f"{request.operation} of express state machines is")
    return context.express


async def _express_origin(
    context: Context, lane: ExpressLane, request: Request, target: Target, name: str, text: bytes, test_case: str
) -> tuple[Origin, Revision]:
    """The ARN ends in the execution's own id, so that whoever has the ARN finds the execution without a search."""
    route = target.draw(context.ids)
    revision = await lane.revision(route.revision_id)
    now_ms = context.clock.now_ms()
    execution_id: UUID = context.ids.execution_id(now_ms)
    machine_arn = target.machine_arn
    origin = Origin(
        id=execution_id,
        arn=f"{target.execution_prefix}{name}:{execution_id}",
        name=name,
        machine_arn=machine_arn,
        machine_name=target.machine_name,
        role_arn=revision.role_arn,
        input=Payload(text=text),
        start_ms=now_ms,
        express=True,
        version_arn=f"{machine_arn}:{route.version_number}" if route.version_number is not None else None,
        alias_arn=f"{machine_arn}:{target.alias_name}" if target.alias_name is not None else None,
        trace_header=request.trace_header or request.body.get("traceHeader"),
        synchronous=request.operation == "StartSyncExecution",
        test_case=test_case,
    )
    return origin, revision
