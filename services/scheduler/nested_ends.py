"""The end of a nested execution, told to the parent's task at once instead of waiting for its next look.

It is a hint like any other message: it may be lost or doubled, and a parent that misses it sees the end when its job
is polled.
"""

from __future__ import annotations

from dataclasses import replace

from engine.execution.execution import Execution, Status
from engine.limits import HISTORY_EVENTS_MAX
from services.broker.messages import Command, pack
from services.integrations.interface import Succeeded
from services.integrations.nested_executions import dates_in_ms, ending
from services.scheduler.attempt_name import CHILD_PATTERNS, read_attempt_name
from services.scheduler.resident import Resident
from services.store.description import arn_of, describe_execution
from services.store.records import StoredExecution, shard_of


def end_for_parent(resident: Resident, shards: int) -> Command | None:
    """What the parent's shard is to be told of an execution that has ended; None where no task waits for it."""
    parent = resident.row.parent
    if parent is None or parent.pattern not in CHILD_PATTERNS:
        return None
    try:
        parent_id, path, token = read_attempt_name(parent.attempt_name)
    except ValueError:
        return None
    ended = ending(dates_in_ms(_described(resident)), parent.pattern)
    if isinstance(ended, Succeeded):
        kind, body = "child-succeeded", pack(path, token, ended.output)
    else:
        kind, body = "child-failed", pack(path, token, ended.error, ended.cause)
    return Command("", "", parent_id.bytes, shard_of(parent_id, shards), kind, body)


def _described(resident: Resident) -> dict[str, object]:
    row = _row_at_end(resident.row, resident.execution)
    return describe_execution(row, arn_of(row), _reason(resident.execution), encrypted_metadata_only=False)


def _row_at_end(row: StoredExecution, execution: Execution) -> StoredExecution:
    return replace(
        row,
        status=execution.status,
        output=None if execution.output is None else execution.output.text,
        error=execution.error,
        cause=execution.cause,
        stop_ms=execution.stop_ms,
        redrive_count=execution.redrive_count,
        redrive_ms=execution.redrive_ms,
    )


def _reason(execution: Execution) -> str | None:
    """Why it cannot be redriven right after its end."""
    if execution.status is Status.SUCCEEDED:
        return "Execution is SUCCEEDED and cannot be redriven"
    full = execution.last_event_id >= HISTORY_EVENTS_MAX - 1
    return "Execution history event limit exceeded" if full else None
