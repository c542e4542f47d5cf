"""A history event as a log record: one line of JSON in AWS's shape (every scalar is text), by AWS's levels.

Lines are put together as text, not as dictionaries: an express execution logs more events than anything else it does.

Source: developer guide, "Logging using CloudWatch Logs"; recordings of logged events with and without execution data;
published log lines for the order of the details.
"""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring as quoted
from typing import Any, Final

from engine.history.events import BY_CODE, EventType
from engine.history.page_codec import DecodedEvents, RecordedEvent
from engine.payload import Payload
from services.execution_logs.policy import LogPolicy

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
_KINDS: Final[dict[str, dict[int, EventType]]] = {
    "ALL": BY_CODE,
    "ERROR": {code: kind for code, kind in BY_CODE.items() if kind.name in _ERROR},
    "FATAL": {code: kind for code, kind in BY_CODE.items() if kind.name in _FATAL},
    "OFF": {},
}
_MEMBERS: Final = {
    code: sorted((field, at) for at, field in enumerate(kind.fields, 2)) for code, kind in BY_CODE.items()
}
"""Where the members of each type stand in a recorded event, in the order of the log: by name, as AWS writes them."""
_DATA: Final = frozenset({"input", "output", "parameters", "assignedVariables"})
_DETAILED: Final = frozenset({"input", "output", "assignedVariables"})
_DATA_CHARACTERS_MAX: Final = 248 * 1024


class _Texts:
    """The payloads of one turn as quoted text; states that hand their input on share one."""

    __slots__ = ("_payloads", "_quoted")

    def __init__(self, payloads: Sequence[bytes]) -> None:
        """`payloads` is what indexes refer to; events that were never in a page hold theirs."""
        self._payloads = payloads
        self._quoted: dict[int, tuple[str, bool]] = {}

    def of(self, value: int | Payload) -> tuple[str, bool]:
        """The quoted text, and whether it had to be cut."""
        key = value if isinstance(value, int) else id(value)
        found = self._quoted.get(key)
        if found is None:
            data = self._payloads[value] if isinstance(value, int) else value.text
            found = self._quoted[key] = _cut(data.decode("utf-8", "replace"))
        return found


def log_lines(
    policy: LogPolicy,
    execution_arn: str,
    redrive_count: int,
    first_event_id: int,
    timestamp_ms: int,
    events: Sequence[RecordedEvent] | DecodedEvents,
    redelivered: bool = False,
) -> list[str]:
    """The lines that the policy asks for, oldest first, without line ends.

    Args:
        policy: level and data.
        execution_arn: of the execution.
        redrive_count: redrives so far.
        first_event_id: id of the first event.
        timestamp_ms: when the turn was made.
        events: a turn's events, fresh from the engine or decoded from a page.
        redelivered: an asynchronous express execution that was started again; our addition to AWS's shape.
    """
    wanted = _KINDS[policy.level]
    rows: Sequence[Sequence[Any]] = events.events if isinstance(events, DecodedEvents) else events
    texts = _Texts(events.payloads if isinstance(events, DecodedEvents) else ())
    mark = ',"redelivered":"true"' if redelivered else ""
    tail = (
        f'","event_timestamp":"{timestamp_ms}","execution_arn":{quoted(execution_arn)},'
        f'"redrive_count":"{redrive_count}"{mark}}}'
    )
    lines = []
    event_id = first_event_id
    for event in rows:
        kind = wanted.get(event[0])
        if kind is not None:
            details = _details(kind, event, texts, policy.include_data)
            lines.append(f'{{"id":"{event_id}","type":"{kind.name}","details":{{{details}}},'
                         f'"previous_event_id":"{event[1]}{tail}')  # fmt: skip
        event_id += 1
    return lines


def _details(kind: EventType, event: Sequence[Any], texts: _Texts, include_data: bool) -> str:
    parts = []
    recorded = len(event)
    for field, at in _MEMBERS[kind.code]:
        if at >= recorded or (value := event[at]) is None:
            continue
        if type(value) is str and field != "taskCredentials":
            parts.append(f'"{field}":{quoted(value)}')
        elif field in _DATA:
            if include_data:
                parts.append(_data(field, value, texts))
        elif field == "taskCredentials":
            parts.append(f'"taskCredentials":{{"roleArn":{quoted(value)}}}')
        else:
            parts.append(f'"{field}":"{value}"')
    return ",".join(parts)


def _data(field: str, value: Any, texts: _Texts) -> str:
    if field == "assignedVariables":
        variables = ",".join(f"{quoted(name)}:{texts.of(one)[0]}" for name, one in value.items())
        return f'"assignedVariables":{{{variables}}},"assignedVariablesDetails":{{"truncated":false}}'
    text, cut = texts.of(value)
    if field not in _DETAILED:
        return f'"{field}":{text}'
    return f'"{field}":{text},"{field}Details":{{"truncated":{"true" if cut else "false"}}}'


def _cut(text: str) -> tuple[str, bool]:
    """Quote it; what would be too large for a log event is cut and marked."""
    found: str = quoted(text)
    cut = False
    while len(found) > _DATA_CHARACTERS_MAX:
        cut = True
        text = text[: len(text) * _DATA_CHARACTERS_MAX // len(found) - 2]
        found = quoted(text)
    return found, cut
