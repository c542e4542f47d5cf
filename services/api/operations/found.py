"""Finding what an ARN names, with AWS's error when it is not there. Foreign resources are not there either."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from engine.arn import Arn, Kind
from services.api import errors
from services.api.context import Context
from services.api.request import Request
from services.store.description import arn_of
from services.store.records import Activity, StateMachine, StoredExecution

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def find_machine(context: Context, request: Request, arn: Arn) -> StateMachine:
    """The state machine behind a machine, version or alias ARN, ACTIVE or DELETING.

    Raises:
        ApiError: StateMachineDoesNotExist.
    """
    machine = None
    if request.owns(arn):
        machine = await context.store.machine_by_name(arn.account, arn.region, arn.name)
    if machine is None:
        raise errors.state_machine_does_not_exist(str(arn))
    return machine


async def find_active_machine(context: Context, request: Request, arn: Arn) -> StateMachine:
    """The same, not DELETING.

    Raises:
        ApiError: StateMachineDoesNotExist, StateMachineDeleting.
    """
    machine = await find_machine(context, request, arn)
    if machine.status != "ACTIVE":
        raise errors.state_machine_deleting(str(arn.machine))
    return machine


async def find_execution(context: Context, request: Request, arn: Arn) -> StoredExecution:
    """The execution of an ARN.

    Raises:
        ApiError: ExecutionDoesNotExist.
    """
    row = None
    if request.owns(arn):
        machine_name = f"{arn.name}/{arn.label}" if arn.label else arn.name
        row = await context.store.execution_by_name(arn.account, arn.region, machine_name, arn.execution)
    if row is None or (row.map_child is not None and arn_of(row) != arn):
        raise errors.execution_does_not_exist(str(arn))
    return row


async def find_express(context: Context, request: Request, arn: Arn) -> StoredExecution:
    """The express execution of an ARN, which ends in its id; one that runs or was not kept does not exist.

    Raises:
        ApiError: ExecutionDoesNotExist.
    """
    row = None
    if request.owns(arn) and context.express_history is not None and _UUID.fullmatch(arn.unique):
        row = await context.express_history.by_id(UUID(arn.unique))
    if row is None or (row.account, row.region, row.machine_name, row.name) != (
        arn.account,
        arn.region,
        arn.name,
        arn.execution,
    ):
        raise errors.execution_does_not_exist(str(arn))
    return row


def describable(context: Context) -> tuple[Kind, ...]:
    """The kinds of executions that may be asked for; AWS's is one, the other is ours where it is switched on."""
    return ("execution",) if context.express_history is None else ("execution", "express")


async def find_activity(context: Context, request: Request, arn: Arn) -> Activity:
    """The activity of an ARN.

    Raises:
        ApiError: ActivityDoesNotExist.
    """
    activity = None
    if request.owns(arn):
        activity = await context.store.activity_by_name(arn.account, arn.region, arn.name)
    if activity is None:
        raise errors.activity_does_not_exist(str(arn))
    return activity
