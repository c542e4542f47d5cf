"""StartExecution, StopExecution, DescribeExecution, ListExecutions, RedriveExecution."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from engine.arn import Arn
from engine.execution.execution import Status
from services.api import errors, redrive
from services.api.commands import NoAnswer, Refused
from services.api.context import Context
from services.api.operations.express import accept_express
from services.api.operations.found import describable, find_execution, find_express, find_machine
from services.api.operations.starting import execution_name, input_of, take_test_case
from services.api.request import Request
from services.api.shapes import is_encrypted, list_item, seconds
from services.api.targets import Target
from services.broker.messages import pack
from services.store.description import describe_execution as described
from services.store.records import ExecutionFilter, NewExecution, shard_of

NO_REDRIVE: Final = "Express executions cannot be redriven"


async def start_execution(context: Context, request: Request) -> dict[str, Any]:
    """Admit a new execution and answer after the commit; the same name and input again is the same execution."""
    body = request.body
    test_case = take_test_case(context, body)
    target = await throttled_target(context, request)
    name = execution_name(context, body)
    text = input_of(body)
    if target.express:
        return await accept_express(context, request, target, name, text, test_case)
    await context.quotas.take_execution(request.account, request.region)
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
        parent=request.parent,
    )
    existing = await context.admission.admit(row)
    arn = target.execution_prefix + name
    if existing is None:
        return {"executionArn": arn, "startDate": now_ms / 1000}
    if existing.status is not Status.RUNNING or existing.input != text or existing.test_case != row.test_case:
        raise errors.execution_already_exists(arn)
    return {"executionArn": arn, "startDate": existing.start_ms / 1000}


async def throttled_target(context: Context, request: Request) -> Target:
    """What is started; standard and express starts have buckets of their own, and a refused start costs a token too."""
    try:
        target = await context.targets.find(request)
    except errors.ApiError:
        context.throttle.take(request.account, request.region, "StartExecution")
        raise
    bucket = "StartExecution:EXPRESS" if target.express else "StartExecution"
    context.throttle.take(request.account, request.region, bucket)
    return target


# --- what has been started --------------------------------------------------------------------------------------------


async def describe_execution(context: Context, request: Request) -> dict[str, Any]:
    """Describe one execution; the members depend on its status."""
    arn = request.arn("executionArn", "execution", "express")
    if not arn.label:
        arn = request.arn("executionArn", *describable(context))
    reason: str | None = NO_REDRIVE
    if arn.kind == "express" and not arn.label:
        row = await find_express(context, request, arn)
    else:
        row = await find_execution(context, request, arn)
        reason = await redrive.refusal(context, row, shown=True)
    return described(row, arn, reason, encrypted_metadata_only=await _hides_data(context, request, row.revision_id))


async def _hides_data(context: Context, request: Request, revision_id: UUID) -> bool:
    """METADATA_ONLY leaves data out of encrypted executions, and only of those."""
    if request.body.get("includedData") != "METADATA_ONLY":
        return False
    return is_encrypted(await context.store.revision(revision_id))


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
    await context.quotas.take_execution(request.account, request.region)
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
    if arn.label:
        raise errors.labelled_machine_arn()
    machine = await find_machine(context, request, arn)
    express = machine.type == "EXPRESS"
    if express and context.express_history is None:
        raise errors.state_machine_type_not_supported()
    page = context.page_tokens.paging(request, context.clock.now_ms())
    wanted = ExecutionFilter(
        machine_ids=(machine.id,),
        statuses=(Status[body["statusFilter"]],) if body.get("statusFilter") else (),
        before=page.after_id,
        version_number=int(arn.qualifier) if arn.kind == "version" else None,
        alias_name=arn.qualifier if arn.kind == "alias" else None,
    )
    if express and context.express_history is not None:
        rows = await context.express_history.listed(wanted, page.limit)
    else:
        rows = await context.store.list_executions(wanted, page.limit)
    return page.answer("executions", rows, lambda row: list_item(row, arn.machine, express), lambda row: row.id.bytes)


async def list_children(context: Context, request: Request) -> dict[str, Any]:
    """The child executions of a map run."""
    arn: Arn = request.arn("mapRunArn", "mapRun")
    runs = context.map_runs
    if runs is None:
        raise errors.not_served("ListExecutions of a map run is")
    run = await runs.map_run(request.account, request.region, str(arn)) if request.owns(arn) else None
    if run is None:
        raise errors.resource_not_found(str(arn))
    page = context.page_tokens.paging(request, context.clock.now_ms())
    status, redriven = request.body.get("statusFilter"), request.body.get("redriveFilter")
    items = await runs.list_children(
        run.id,
        (status,) if status else (),
        None if redriven is None else redriven == "REDRIVEN",
        page.after,
        page.limit,
    )
    return page.answer("executions", items, lambda item: item, lambda item: item["executionArn"])
