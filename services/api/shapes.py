"""Rows in the shape of AWS's answers."""

from __future__ import annotations

from typing import Any, Final

from engine.arn import Arn
from services.store.records import ListedExecution, Revision

DEFAULT_LOGGING: Final[dict[str, Any]] = {"level": "OFF", "includeExecutionData": False}
DEFAULT_TRACING: Final[dict[str, Any]] = {"enabled": False}
DEFAULT_ENCRYPTION: Final[dict[str, Any]] = {"type": "AWS_OWNED_KEY"}


def seconds(ms: int) -> float:
    """A moment as AWS writes it: seconds with a millisecond fraction."""
    return ms / 1000


def is_encrypted(revision: Revision) -> bool:
    """Whether a revision has a key of the customer: METADATA_ONLY hides data of its executions only."""
    return (revision.encryption or {}).get("type") == "CUSTOMER_MANAGED_KMS_KEY"


def list_item(row: ListedExecution, machine: Arn, express: bool = False) -> dict[str, Any]:
    """One entry of ListExecutions; express executions have their id in the ARN."""
    place = f"arn:{machine.partition}:states:{machine.region}:{machine.account}"
    machine_arn = f"{place}:stateMachine:{machine.name}"
    item: dict[str, Any] = {
        "executionArn": f"{place}:express:{machine.name}:{row.name}:{row.id}"
        if express
        else f"{place}:execution:{machine.name}:{row.name}",
        "stateMachineArn": machine_arn,
        "name": row.name,
        "status": row.status.name,
        "startDate": seconds(row.start_ms),
        "redriveCount": row.redrive_count,
    }
    if row.stop_ms is not None:
        item["stopDate"] = seconds(row.stop_ms)
    if row.redrive_ms is not None:
        item["redriveDate"] = seconds(row.redrive_ms)
    if row.version_number is not None:
        item["stateMachineVersionArn"] = f"{machine_arn}:{row.version_number}"
    if row.alias_name is not None:
        item["stateMachineAliasArn"] = f"{machine_arn}:{row.alias_name}"
    return item


def revision_members(revision: Revision, variables: dict[str, list[str]]) -> dict[str, Any]:
    """What all descriptions of a state machine show of its revision."""
    members: dict[str, Any] = {
        "roleArn": revision.role_arn,
        "loggingConfiguration": revision.logging or DEFAULT_LOGGING,
        "tracingConfiguration": revision.tracing or DEFAULT_TRACING,
        "encryptionConfiguration": revision.encryption or DEFAULT_ENCRYPTION,
    }
    if revision.number:
        members["revisionId"] = str(revision.id)
    if variables:
        members["variableReferences"] = variables
    return members
