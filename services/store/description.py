"""An execution's row as DescribeExecution shows it; tasks that wait for a nested execution show the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from engine.arn import Arn, execution_arn, express_arn, labelled_arn, machine_arn
from engine.execution.execution import Status
from engine.states.distributed_map import child_unique
from services.store.records import StoredExecution

PARENT_MEMBER: Final = "parentExecutionArn"
"""Ours, not AWS's: SDKs drop what they do not know."""

_INCLUDED: Final = {"included": True}


def arn_of(row: StoredExecution) -> Arn:
    """The ARN of an execution; that of a Map's child has the Map's label in it."""
    machine, child = machine_arn(row.region, row.account, row.machine_name), row.map_child
    if child is None:
        return execution_arn(machine, row.name)
    machine = labelled_arn(machine, child.label)
    if child.express:
        return express_arn(machine, row.name, child_unique(child.run_id, child.index))
    return execution_arn(machine, row.name)


def machine_of(arn: Arn) -> Arn:
    """The state machine that an execution shows as its own: with the label, if it is a Map's child."""
    return labelled_arn(arn.machine, arn.label) if arn.label else arn.machine


def describe_execution(
    row: StoredExecution, arn: Arn, reason: str | None, encrypted_metadata_only: bool
) -> dict[str, Any]:
    """DescribeExecution: which members stand depends on the status; `reason` is why it cannot be redriven."""
    row, machine_text = shown(row), str(machine_of(arn))
    answer: dict[str, Any] = {
        "executionArn": str(arn),
        "stateMachineArn": machine_text,
        "name": _name(row, arn),
        "status": row.status.name,
        "startDate": _seconds(row.start_ms),
        "redriveCount": row.redrive_count,
    }
    if row.map_child is not None:
        answer["mapRunArn"] = row.map_child.run_arn
    answer |= redrive_members(row, reason)
    if row.stop_ms is not None:
        answer["stopDate"] = _seconds(row.stop_ms)
    if row.redrive_ms is not None:
        answer["redriveDate"] = _seconds(row.redrive_ms)
    if row.trace_header:
        answer["traceHeader"] = row.trace_header
    if row.version_number is not None:
        answer["stateMachineVersionArn"] = f"{machine_text}:{row.version_number}"
    if row.alias_name is not None:
        answer["stateMachineAliasArn"] = f"{machine_text}:{row.alias_name}"
    if row.parent is not None:
        answer[PARENT_MEMBER] = row.parent.arn
    if not encrypted_metadata_only:
        _add_data(answer, row)
    return answer


def shown(row: StoredExecution) -> StoredExecution:
    """The row with the status it is shown with: a child that waits for its map run's redrive is PENDING_REDRIVE."""
    pending = row.map_child is not None and row.map_child.pending_redrive
    return replace(row, status=Status.PENDING_REDRIVE) if pending else row


def redrive_members(row: StoredExecution, reason: str | None) -> dict[str, Any]:
    """Whether it may be redriven: a child is with its map run alone."""
    if reason is None:
        return {"redriveStatus": "REDRIVABLE" if row.map_child is None else "REDRIVABLE_BY_MAP_RUN"}
    return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def list_child(row: StoredExecution) -> dict[str, Any]:
    """One entry of ListExecutions of a map run."""
    row = shown(row)
    arn, child = arn_of(row), row.map_child
    assert child is not None
    item: dict[str, Any] = {
        "executionArn": str(arn),
        "stateMachineArn": str(machine_of(arn)),
        "name": _name(row, arn),
        "status": row.status.name,
        "startDate": _seconds(row.start_ms),
        "mapRunArn": child.run_arn,
        "itemCount": child.item_count,
        "redriveCount": row.redrive_count,
    }
    if row.stop_ms is not None:
        item["stopDate"] = _seconds(row.stop_ms)
    if row.redrive_ms is not None:
        item["redriveDate"] = _seconds(row.redrive_ms)
    return item


def _name(row: StoredExecution, arn: Arn) -> str:
    """An express child shows both halves of what tells it apart."""
    return f"{row.name}:{arn.unique}" if row.map_child is not None and row.map_child.express else row.name


def _add_data(answer: dict[str, Any], row: StoredExecution) -> None:
    answer["input"] = row.input.decode("utf-8", "surrogatepass")
    answer["inputDetails"] = _INCLUDED
    if row.status is Status.SUCCEEDED and row.output is not None:
        answer["output"] = row.output.decode("utf-8", "surrogatepass")
        answer["outputDetails"] = _INCLUDED
    if row.status in (Status.FAILED, Status.ABORTED):
        wrong = {"error": row.error, "cause": row.cause}
        answer |= {member: value for member, value in wrong.items() if value is not None}


def _seconds(ms: int) -> float:
    return ms / 1000
