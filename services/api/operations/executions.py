"""StartExecution, StartSyncExecution, StopExecution, DescribeExecution, ListExecutions, RedriveExecution."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from engine.arn import Arn, is_name
from engine.asl.jackson import jackson_message
from engine.execution.execution import Origin, Status
from engine.limits import PAYLOAD_BYTES_MAX
from engine.payload import JsonError, Payload, decode_json
from services.api import errors, redrive
from services.api.collaborators import ExpressLane
from services.api.commands import NoAnswer, Refused
from services.api.context import Context
from services.api.operations.found import find_execution, find_machine
from services.api.page_token import page_size
from services.api.request import Request
from services.api.shapes import describe_execution_row, list_item, seconds
from services.api.targets import Target
from services.broker.messages import pack
from services.runtime.faults import Overloaded
from services.store.records import ExecutionFilter, NewExecution, shard_of

BILLED_STEP_MS: Final = 100
BILLED_MEMORY_MB: Final = 64
"""AWS bills memory in steps of 64 MB; an execution here shares its process, so the least step is shown."""


async def start_execution(context: Context, request: Request) -> dict[str, Any]:
    """Admit a new execution and answer after the commit; the same name and input again is the same execution."""
    body = request.body
    test_case = _take_test_case(context, body)
    target = await context.targets.find(request)
    bucket = "StartExecution:EXPRESS" if target.express else "StartExecution"
    context.throttle.take(request.account, request.region, bucket)
    name = _execution_name(context, body)
    text = _input_of(body)
    if target.express:
        return await _accept_express(context, request, target, name, text, test_case)
    now_ms = context.clock.now_ms()
    execution_id = context.ids.execution_id(now_ms)
    route = target.draw(context.ids)
    row = NewExecution(
        id=execution_id,
        shard=shard_of(execution_id, context.store.shards),
        machine_id=target.machine_id,
        revision_id=route.revision_id,
        name=name,
        input=text,
        start_ms=now_ms,
        version_number=route.version_number,
        alias_name=target.alias_name,
        trace_header=request.trace_header or body.get("traceHeader"),
        test_case=test_case or None,
    )
    existing = await context.admission.admit(row)
    arn = target.execution_prefix + name
    if existing is None:
        return {"executionArn": arn, "startDate": now_ms / 1000}
    if existing.status is not Status.RUNNING or existing.input != text or existing.test_case != row.test_case:
        raise errors.execution_already_exists(arn)
    return {"executionArn": arn, "startDate": existing.start_ms / 1000}


def _take_test_case(context: Context, body: dict[str, Any]) -> str:
    """Cut the test case off the ARN of the state machine: `arn:...:stateMachine:order#HappyPath`.

    Without mocks the ARN stays as it is, and is refused like any other that has such a character.
    """
    if not context.mocked:
        return ""
    body["stateMachineArn"], _, test_case = body["stateMachineArn"].partition("#")
    return str(test_case)


def _execution_name(context: Context, body: dict[str, Any]) -> str:
    name: str | None = body.get("name")
    if name is None:
        return str(context.ids.uuid())
    if not is_name(name):
        raise errors.invalid_name(name)
    return name


def _input_of(body: dict[str, Any]) -> bytes:
    """The input's bytes as the caller wrote them, checked to be JSON."""
    text: str | None = body.get("input")
    if text is None:
        return b"{}"
    if not text.strip():
        raise errors.invalid_execution_input("Invalid execution input.")
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > PAYLOAD_BYTES_MAX:
        raise errors.invalid_execution_input("Input size is too big.")
    try:
        decode_json(data)
    except JsonError:
        raise errors.invalid_execution_input(jackson_message(text)) from None
    return data


# --- express ----------------------------------------------------------------------------------------------------------


async def start_sync_execution(context: Context, request: Request) -> dict[str, Any]:
    """Run an express execution and answer its result; a failed one is a 200 as well."""
    test_case = _take_test_case(context, request.body)
    target = await context.targets.find(request)
    if not target.express:
        raise errors.state_machine_type_not_supported()
    lane = _lane(context, request)
    name = _execution_name(context, request.body)
    text = _input_of(request.body)
    origin, revision_id = await _express_origin(context, request, target, name, text, test_case)
    try:
        execution = await lane.run(origin, await context.store.revision(revision_id))
    except Overloaded:
        raise errors.throttled() from None
    assert execution.ended and execution.stop_ms is not None
    answer: dict[str, Any] = {
        "executionArn": origin.arn,
        "stateMachineArn": origin.machine_arn,
        "name": name,
        "startDate": seconds(origin.start_ms),
        "stopDate": seconds(execution.stop_ms),
        "status": execution.status.name,
        "error": execution.error,
        "cause": execution.cause,
        "traceHeader": origin.trace_header,
        "billingDetails": {
            "billedMemoryUsedInMB": BILLED_MEMORY_MB,
            "billedDurationInMilliseconds": _billed_ms(execution.stop_ms - origin.start_ms),
        },
    }
    if request.body.get("includedData") != "METADATA_ONLY":
        answer |= {
            "input": origin.input.text.decode(),
            "inputDetails": {"included": True},
            "output": execution.output.text.decode() if execution.output is not None else None,
            "outputDetails": {"included": True},
        }
    return {member: value for member, value in answer.items() if value is not None}


def _billed_ms(duration_ms: int) -> int:
    """Durations are billed in steps of 100 ms, begun ones in full."""
    return max(1, -(-duration_ms // BILLED_STEP_MS)) * BILLED_STEP_MS


async def _accept_express(
    context: Context, request: Request, target: Target, name: str, text: bytes, test_case: str
) -> dict[str, Any]:
    lane = _lane(context, request)
    origin, revision_id = await _express_origin(context, request, target, name, text, test_case)
    try:
        await lane.accept(origin, await context.store.revision(revision_id))
    except Overloaded:
        raise errors.throttled() from None
    return {"executionArn": origin.arn, "startDate": seconds(origin.start_ms)}


def _lane(context: Context, request: Request) -> ExpressLane:
    if context.express is None:
        raise errors.not_served(f"{request.operation} of express state machines is")
    return context.express


async def _express_origin(
    context: Context, request: Request, target: Target, name: str, text: bytes, test_case: str
) -> tuple[Origin, UUID]:
    route = target.draw(context.ids)
    revision = await context.store.revision(route.revision_id)
    now_ms = context.clock.now_ms()
    execution_id = context.ids.execution_id(now_ms)
    machine_arn = target.machine_arn
    origin = Origin(
        id=execution_id,
        arn=f"{target.execution_prefix}{name}:{context.ids.uuid()}",
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
        test_case=test_case,
    )
    return origin, route.revision_id


# --- what has been started --------------------------------------------------------------------------------------------


async def describe_execution(context: Context, request: Request) -> dict[str, Any]:
    """Describe one execution; the members depend on its status."""
    arn = request.arn("executionArn", "execution")
    row = await find_execution(context, request, arn)
    reason = await redrive.refusal(context, row, shown=True)
    return describe_execution_row(
        row, arn, reason, encrypted_metadata_only=await _hides_data(context, request, row.revision_id)
    )


async def _hides_data(context: Context, request: Request, revision_id: UUID) -> bool:
    """METADATA_ONLY leaves data out of encrypted executions, and only of those."""
    if request.body.get("includedData") != "METADATA_ONLY":
        return False
    revision = await context.store.revision(revision_id)
    return (revision.encryption or {}).get("type") == "CUSTOMER_MANAGED_KMS_KEY"


async def stop_execution(context: Context, request: Request) -> dict[str, Any]:
    """Stop an execution, answered after the commit; one that has ended keeps its end."""
    arn = request.arn("executionArn", "execution")
    row = await find_execution(context, request, arn)
    if row.status is not Status.RUNNING:
        assert row.stop_ms is not None
        return {"stopDate": seconds(row.stop_ms)}
    order = pack(request.body.get("error"), request.body.get("cause"))
    try:
        (stop_ms,) = await context.commands.ask(row.id, "stop", order)
    except Refused:
        raise errors.execution_does_not_exist(str(arn)) from None
    except NoAnswer:
        await context.commands.leave(row.id, "stop", order)
        stop_ms = context.clock.now_ms()
    return {"stopDate": seconds(stop_ms)}


async def redrive_execution(context: Context, request: Request) -> dict[str, Any]:
    """Let a failed execution go on where it failed."""
    arn = request.arn("executionArn", "execution")
    if arn.label:
        raise errors.labelled_arn()
    row = await find_execution(context, request, arn)
    try:
        (redrive_ms,) = await context.commands.ask(row.id, "redrive", pack(request.body.get("clientToken")))
    except Refused as refused:
        if refused.code == "ExecutionNotRedrivable":
            raise errors.execution_not_redrivable(str(arn), refused.values[0]) from None
        raise errors.execution_does_not_exist(str(arn)) from None
    return {"redriveDate": seconds(redrive_ms)}


# --- lists ------------------------------------------------------------------------------------------------------------


async def list_executions(context: Context, request: Request) -> dict[str, Any]:
    """List the executions of a state machine (a version, an alias) or of a map run, newest first."""
    body = request.body
    machine_text, map_run = body.get("stateMachineArn"), body.get("mapRunArn")
    if (machine_text is None) == (map_run is None):
        raise errors.validation("Must provide exactly one of the following: StateMachineArn, MapRunArn")
    if map_run is not None:
        return await list_children(context, request)
    if body.get("statusFilter") == "PENDING_REDRIVE" or body.get("redriveFilter") is not None:
        raise errors.validation("The PENDING_REDRIVE status and the redriveFilter can only be used with a MapRunArn")
    arn = request.arn("stateMachineArn", "stateMachine", "version", "alias")
    machine = await find_machine(context, request, arn)
    if machine.type == "EXPRESS":
        raise errors.state_machine_type_not_supported()
    cursor = context.page_tokens.cursor(request, context.clock.now_ms())
    size = page_size(request)
    wanted = ExecutionFilter(
        machine_ids=(machine.id,),
        statuses=(Status[body["statusFilter"]],) if body.get("statusFilter") else (),
        before=UUID(bytes=cursor) if cursor is not None else None,
        version_number=int(arn.qualifier) if arn.kind == "version" else None,
        alias_name=arn.qualifier if arn.kind == "alias" else None,
    )
    rows = await context.store.list_executions(wanted, size + 1)
    answer: dict[str, Any] = {"executions": [list_item(row, arn.machine) for row in rows[:size]]}
    if len(rows) > size:
        answer["nextToken"] = context.page_tokens.make(request, rows[size - 1].id.bytes, context.clock.now_ms())
    return answer


async def list_children(context: Context, request: Request) -> dict[str, Any]:
    """The child executions of a map run."""
    arn: Arn = request.arn("mapRunArn", "mapRun")
    runs = context.map_runs
    if runs is None:
        raise errors.not_served("ListExecutions of a map run is")
    run = await runs.map_run(request.account, request.region, str(arn)) if request.owns(arn) else None
    if run is None:
        raise errors.resource_not_found(str(arn))
    cursor = context.page_tokens.cursor(request, context.clock.now_ms())
    size = page_size(request)
    status, redriven = request.body.get("statusFilter"), request.body.get("redriveFilter")
    items = await runs.list_children(
        run.id, (status,) if status else (), None if redriven is None else redriven == "REDRIVEN", cursor, size + 1
    )
    answer: dict[str, Any] = {"executions": list(items[:size])}
    if len(items) > size:
        last = items[size - 1]["executionArn"]
        answer["nextToken"] = context.page_tokens.make(request, last, context.clock.now_ms())
    return answer
