"""A history event as a log record: AWS's shape (every scalar is text) and AWS's levels.

Source: developer guide, "Logging using CloudWatch Logs"; recordings of logged events with and without execution data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.history.events import BY_CODE
from engine.history.page_codec import DecodedEvents, RecordedEvent
from engine.history.render import render_event

_FATAL: Final = frozenset({"ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"})
_ERROR: Final = _FATAL | {
    "ActivityFailed",
    "ActivityScheduleFailed",
    "ActivityTimedOut",
    "EvaluationFailed",
    "FailStateEntered",
    "LambdaFunctionFailed",
    "LambdaFunctionScheduleFailed",
    "LambdaFunctionStartFailed",
    "LambdaFunctionTimedOut",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapRunAborted",
    "MapRunFailed",
    "MapStateAborted",
    "MapStateFailed",
    "ParallelStateAborted",
    "ParallelStateFailed",
    "TaskFailed",
    "TaskStartFailed",
    "TaskStateAborted",
    "TaskSubmitFailed",
    "TaskTimedOut",
    "WaitStateAborted",
}
_TYPES: Final[dict[str, frozenset[str]]] = {
    "ALL": frozenset(event.name for event in BY_CODE.values()),
    "ERROR": frozenset(_ERROR),
    "FATAL": _FATAL,
    "OFF": frozenset(),
}
_DATA_BYTES_MAX: Final = 248 * 1024


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """What one state machine wants logged, and where.

    Attributes:
        level: ALL, ERROR, FATAL or OFF.
        include_data: whether inputs and outputs are shown.
        log_group_arns: CloudWatch Logs groups; the arns end in `:*`.
    """

    level: str
    include_data: bool
    log_group_arns: tuple[str, ...]

    @property
    def off(self) -> bool:
        """Whether nothing is logged."""
        return self.level == "OFF"


OFF: Final = LogPolicy("OFF", False, ())


def policy_of(logging: Mapping[str, Any] | None) -> LogPolicy:
    """Read a loggingConfiguration as the API accepted it."""
    if not logging or logging.get("level", "OFF") == "OFF":
        return OFF
    arns = tuple(
        destination["cloudWatchLogsLogGroup"]["logGroupArn"]
        for destination in logging.get("destinations", ())
        if destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn")
    )
    return LogPolicy(logging["level"], bool(logging.get("includeExecutionData", False)), arns)


def log_records(
    policy: LogPolicy,
    execution_arn: str,
    redrive_count: int,
    first_event_id: int,
    timestamp_ms: int,
    events: Sequence[RecordedEvent] | DecodedEvents,
    redelivered: bool = False,
) -> list[dict[str, Any]]:
    """The records that the policy asks for, oldest first.

    Args:
        policy: level and data.
        execution_arn: of the execution.
        redrive_count: redrives so far.
        first_event_id: id of the first event.
        timestamp_ms: when the turn was made.
        events: a turn's events, fresh from the engine or decoded from a page.
        redelivered: an asynchronous express execution that was started again; our addition to AWS's shape.
    """
    wanted = _TYPES[policy.level]
    payloads = events.payloads if isinstance(events, DecodedEvents) else []
    texts: list[str | None] = [None] * len(payloads)
    rows = events.events if isinstance(events, DecodedEvents) else events
    records = []
    for offset, event in enumerate(rows):
        kind = BY_CODE[event[0]]
        if kind.name not in wanted:
            continue
        shown = render_event(first_event_id + offset, 0, event, payloads, texts, policy.include_data)
        record = {
            "id": str(first_event_id + offset),
            "type": kind.name,
            "details": _as_text(shown.get(kind.member, {}) if kind.member else {}),
            "previous_event_id": str(event[1]),
            "event_timestamp": str(timestamp_ms),
            "execution_arn": execution_arn,
            "redrive_count": str(redrive_count),
        }
        if redelivered:
            record["redelivered"] = "true"
        records.append(record)
    return records


def _as_text(details: dict[str, Any]) -> dict[str, Any]:
    """Numbers become text; data too large for a log event are cut and marked."""
    shown = dict(details)
    for name, value in details.items():
        if isinstance(value, int) and not isinstance(value, bool):
            shown[name] = str(value)
        elif name in ("input", "output") and len(value) > _DATA_BYTES_MAX:
            shown[name] = value[:_DATA_BYTES_MAX]
            shown[f"{name}Details"] = {"truncated": True}
    return shown
