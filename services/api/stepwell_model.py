"""What Stepwell answers beyond AWS, as a service model in botocore's own form: `Stepwell.<operation>` on the same wire.

The contract of these operations is compiled from it like that of AWS's.
"""

from __future__ import annotations

from typing import Any, Final

from botocore.model import ServiceModel

NAME_MAX: Final = 80
PAGE_MAX: Final = 1_000
RATE_MAX: Final = 1_000
TIMESTAMP_MAX: Final = 253_402_300_799  # the end of the year 9999


_ERRORS: Final = (
    "InvalidArn",
    "InvalidToken",
    "ResourceNotFound",
    "StateMachineDoesNotExist",
    "StateMachineTypeNotSupported",
    "ValidationException",
)


def _structure(members: dict[str, str], *required: str) -> dict[str, Any]:
    shape: dict[str, Any] = {"type": "structure", "members": {name: {"shape": kind} for name, kind in members.items()}}
    return shape | ({"required": list(required)} if required else {})


def _list(member: str, **limits: int) -> dict[str, Any]:
    return {"type": "list", "member": {"shape": member}, **limits}


def _operation(name: str, about: str) -> dict[str, Any]:
    return {
        "name": name,
        "http": {"method": "POST", "requestUri": "/"},
        "input": {"shape": f"{name}Input"},
        "output": {"shape": f"{name}Output"},
        "errors": [{"shape": error} for error in _ERRORS],
        "documentation": about,
    }


_FILTER: Final = {
    "namePrefix": "NamePrefix",
    "error": "ErrorName",
    "startedAfter": "Timestamp",
    "startedBefore": "Timestamp",
}
_PAGE: Final = {"maxResults": "PageSize", "nextToken": "PageToken"}
_JOB: Final = {
    "bulkJobId": "BulkJobId",
    "stateMachineArn": "Arn",
    "action": "BulkAction",
    "dryRun": "Boolean",
    "status": "BulkStatus",
    "startDate": "Timestamp",
    "stopDate": "Timestamp",
    "totalCount": "Count",
    "doneCount": "Count",
    "skippedCount": "Count",
    "failedCount": "Count",
}
_EXECUTION: Final = {
    "executionArn": "Arn",
    "stateMachineArn": "Arn",
    "name": "Name",
    "status": "ExecutionStatus",
    "error": "ErrorName",
    "startDate": "Timestamp",
    "stopDate": "Timestamp",
    "redriveCount": "Count",
    "redriveDate": "Timestamp",
}

_INPUTS: Final[dict[str, dict[str, Any]]] = {
    "SearchExecutionsInput": _structure(
        {"stateMachineArns": "MachineArns", "statuses": "ExecutionStatuses", **_FILTER, **_PAGE}
    ),
    "StartBulkJobInput": _structure(
        {
            "stateMachineArn": "Arn",
            "action": "BulkAction",
            "statuses": "ExecutionStatuses",
            **_FILTER,
            "stopError": "ErrorName",
            "stopCause": "Cause",
            "maxPerSecond": "Rate",
            "dryRun": "Boolean",
        },
        "stateMachineArn",
        "action",
    ),
    "DescribeBulkJobInput": _structure({"bulkJobId": "BulkJobId"}, "bulkJobId"),
    "CancelBulkJobInput": _structure({"bulkJobId": "BulkJobId"}, "bulkJobId"),
    "ListBulkJobsInput": _structure(_PAGE),
    "ListBulkJobFailuresInput": _structure({"bulkJobId": "BulkJobId", **_PAGE}, "bulkJobId"),
}

_OUTPUTS: Final[dict[str, dict[str, Any]]] = {
    "SearchExecutionsOutput": _structure({"executions": "FoundExecutions", "nextToken": "PageToken"}, "executions"),
    "StartBulkJobOutput": _structure({"bulkJobId": "BulkJobId", "startDate": "Timestamp"}, "bulkJobId", "startDate"),
    "DescribeBulkJobOutput": _structure(
        {
            **_JOB,
            "statuses": "ExecutionStatuses",
            **_FILTER,
            "stopError": "ErrorName",
            "stopCause": "Cause",
            "maxPerSecond": "Rate",
        },
        "bulkJobId",
    ),
    "CancelBulkJobOutput": _structure({}),
    "ListBulkJobsOutput": _structure({"bulkJobs": "BulkJobs", "nextToken": "PageToken"}, "bulkJobs"),
    "ListBulkJobFailuresOutput": _structure({"failures": "BulkFailures", "nextToken": "PageToken"}, "failures"),
}

_SHAPES: Final[dict[str, dict[str, Any]]] = {
    "Arn": {"type": "string", "min": 1, "max": 256},
    "MachineArns": _list("Arn", min=1, max=100),
    "BulkJobId": {"type": "string", "min": 1, "max": 36},
    "BulkAction": {"type": "string", "enum": ["STOP", "REDRIVE"]},
    "BulkStatus": {"type": "string", "enum": ["RUNNING", "COMPLETED", "CANCELLED"]},
    "BulkJob": _structure(_JOB),
    "BulkJobs": _list("BulkJob"),
    "BulkFailure": _structure({"executionArn": "Arn", "name": "Name", "error": "ErrorName", "message": "Cause"}),
    "BulkFailures": _list("BulkFailure"),
    "FoundExecution": _structure(_EXECUTION),
    "FoundExecutions": _list("FoundExecution"),
    "ExecutionStatus": {
        "type": "string",
        "enum": ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"],
    },
    "ExecutionStatuses": _list("ExecutionStatus", min=1, max=6),
    "Name": {"type": "string", "min": 1, "max": NAME_MAX},
    "NamePrefix": {"type": "string", "min": 0, "max": NAME_MAX},
    "ErrorName": {"type": "string", "min": 0, "max": 256},
    "Cause": {"type": "string", "min": 0, "max": 32_768},
    "Rate": {"type": "integer", "min": 1, "max": RATE_MAX},
    "PageSize": {"type": "integer", "min": 0, "max": PAGE_MAX},
    "PageToken": {"type": "string", "min": 1, "max": 1_024},
    "Count": {"type": "integer"},
    "Boolean": {"type": "boolean"},
    "Timestamp": {"type": "timestamp", "min": 0, "max": TIMESTAMP_MAX},
    **{name: {"type": "structure", "members": {"message": {"shape": "Cause"}}, "exception": True} for name in _ERRORS},
}

SERVICE: Final[dict[str, Any]] = {
    "version": "2.0",
    "metadata": {
        "apiVersion": "2025-11-20",
        "endpointPrefix": "states",
        "jsonVersion": "1.0",
        "protocol": "json",
        "protocols": ["json"],
        "serviceAbbreviation": "Stepwell",
        "serviceFullName": "Stepwell",
        "serviceId": "Stepwell",
        "signatureVersion": "v4",
        "signingName": "states",
        "targetPrefix": "Stepwell",
        "uid": "stepwell-2025-11-20",
    },
    "operations": {
        name: _operation(name, about)
        for name, about in {
            "SearchExecutions": "Find executions of one, some or all state machines.",
            "StartBulkJob": "Stop or redrive many executions, as a job of the server.",
            "DescribeBulkJob": "How far a job has come.",
            "CancelBulkJob": "End a job where it is; what it did stays done.",
            "ListBulkJobs": "The jobs of the account, newest first.",
            "ListBulkJobFailures": "What a job could not do, and why.",
        }.items()
    },
    "shapes": _INPUTS | _OUTPUTS | _SHAPES,
}


def load_own_model() -> ServiceModel:
    """The service model of Stepwell's own operations."""
    return ServiceModel(SERVICE, "stepwell")
