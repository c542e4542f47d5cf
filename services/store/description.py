"""An execution's row as DescribeExecution shows it; tasks that wait for a nested execution show the same."""

from __future__ import annotations

from typing import Any, Final

from engine.arn import Arn
from engine.execution.execution import Status
from services.store.records import StoredExecution

PARENT_MEMBER: Final = "parentExecutionArn"
"""Ours, not AWS's: SDKs drop what they do not know."""

_INCLUDED: Final = {"included": True}


def describe_execution(
    row: StoredExecution, arn: Arn, reason: str | None, encrypted_metadata_only: bool
) -> dict[str, Any]:
    """DescribeExecution: which members stand depends on the status; `reason` is why it cannot be redriven."""
    machine_arn = str(arn.machine)
    answer: dict[str, Any] = {
        "executionArn": str(arn),
        "stateMachineArn": machine_arn,
        "name": row.name,
        "status": row.status.name,
        "startDate": _seconds(row.start_ms),
        "redriveCount": row.redrive_count,
        "redriveStatus": "REDRIVABLE" if reason is None else "NOT_REDRIVABLE",
    }
    if reason is not None:
        answer["redriveStatusReason"] = reason
    if row.stop_ms is not None:
        answer["stopDate"] = _seconds(row.stop_ms)
    if row.redrive_ms is not None:
        answer["redriveDate"] = _seconds(row.redrive_ms)
    if row.trace_header:
        answer["traceHeader"] = row.trace_header
    if row.version_number is not None:
        answer["stateMachineVersionArn"] = f"{machine_arn}:{row.version_number}"
    if row.alias_name is not None:
        answer["stateMachineAliasArn"] = f"{machine_arn}:{row.alias_name}"
    if row.parent is not None:
        answer[PARENT_MEMBER] = row.parent.arn
    if not encrypted_metadata_only:
        _add_data(answer, row)
    return answer


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
