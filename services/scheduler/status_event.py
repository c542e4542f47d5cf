"""A change of an execution's status as the event that EventBridge carries.

Source: reference of quotas, section 8; developer guide, "Execution status changes".
"""

from __future__ import annotations

from datetime import UTC, datetime
from json import dumps
from json.encoder import encode_basestring as quoted
from typing import Any, Final

from engine.execution.execution import Status
from services.store.description import arn_of, machine_of
from services.store.records import StoredExecution
from services.store.status_changes import StatusChange

DETAIL_TYPE: Final = "Step Functions Execution Status Change"
DATA_BYTES_MAX: Final = 248 * 1024
"""Of input and output together, as they stand in the event."""
ENTRY_BYTES_MAX: Final = 255 * 1024
"""A little less than PutEvents takes; a long cause can lift an event beyond it, and then its data are left out."""
_OUT_OF_PLACE: Final = {"included": False}
_IN_PLACE: Final = {"included": True}


def entry_of(change: StatusChange, execution: StoredExecution, source: str, bus: str) -> dict[str, Any]:
    """One entry of PutEvents."""
    detail = detail_of(change, execution)
    text = _json(detail)
    if len(text.encode("utf-8", "replace")) > ENTRY_BYTES_MAX:
        detail = detail_of(change, execution, data=False)
        text = _json(detail)
    return {
        "Time": datetime.fromtimestamp(_happened_ms(change, execution) // 1000, UTC),
        "Source": source,
        "Resources": [detail["executionArn"]],
        "DetailType": DETAIL_TYPE,
        "Detail": text,
        "EventBusName": bus,
    }


def detail_of(change: StatusChange, execution: StoredExecution, *, data: bool = True) -> dict[str, Any]:
    """The detail: all members always, null where there is nothing to say; input and output only with `data`."""
    arn = arn_of(execution)
    machine = str(machine_of(arn))
    version, alias = execution.version_number, execution.alias_name
    failed = change.status in (Status.FAILED, Status.ABORTED)
    redrivable = change.status not in (Status.RUNNING, Status.SUCCEEDED)
    by_run = "" if execution.map_child is None else "_BY_MAP_RUN"
    return {
        "executionArn": str(arn),
        "stateMachineArn": machine,
        "name": execution.name,
        "status": change.status.name,
        "startDate": execution.start_ms,
        "stopDate": change.stop_ms,
        **_data(change, execution, data and not change.encrypted),
        "stateMachineVersionArn": None if version is None else f"{machine}:{version}",
        "stateMachineAliasArn": None if alias is None else f"{machine}:{alias}",
        "redriveCount": change.redrive_count,
        "redriveDate": change.redrive_ms,
        "redriveStatus": f"REDRIVABLE{by_run}" if redrivable else "NOT_REDRIVABLE",
        "redriveStatusReason": None if redrivable else f"Execution is {change.status.name} and cannot be redriven",
        "error": change.error if failed else None,
        "cause": change.cause if failed else None,
    }


def _data(change: StatusChange, execution: StoredExecution, shown: bool) -> dict[str, Any]:
    """Input and output, unless they may not be shown or are too large: then the input is left out first."""
    given = _text(execution.input)
    made = execution.output if change.status is Status.SUCCEEDED else None
    output = None if made is None else _text(made)
    output_bytes = 0 if output is None else _event_bytes(output)
    keeps_output = shown and output_bytes <= DATA_BYTES_MAX
    keeps_input = shown and _event_bytes(given) + output_bytes <= DATA_BYTES_MAX
    details = None if output is None else (_IN_PLACE if keeps_output else _OUT_OF_PLACE)
    return {
        "input": given if keeps_input else None,
        "inputDetails": _IN_PLACE if keeps_input else _OUT_OF_PLACE,
        "output": output if keeps_output else None,
        "outputDetails": details,
    }


def _happened_ms(change: StatusChange, execution: StoredExecution) -> int:
    if change.stop_ms is not None:
        return change.stop_ms
    return execution.start_ms if change.redrive_ms is None else change.redrive_ms


def _json(detail: dict[str, Any]) -> str:
    return dumps(detail, separators=(",", ":"), ensure_ascii=False)


def _text(data: bytes) -> str:
    """What goes into a request: lone halves of surrogate pairs cannot."""
    return data.decode("utf-8", "replace")


def _event_bytes(text: str) -> int:
    """What it takes in the event, where it is a string inside JSON."""
    return len(quoted(text).encode("utf-8", "replace"))
