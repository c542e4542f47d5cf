"""The 62 history event types of AWS as one table: number in our pages, name, details member, members in order.

A recorded event is a tuple `(code, previous_event_id, *members)`; trailing members may be left
out and None means absent.
Member kinds: `input`, `output` and `parameters` hold a Payload, `assignedVariables` a dict of name to Payload,
`taskCredentials` a role ARN; everything else is plain text or a number. Codes never change once released.
Source: botocore's service model, `HistoryEventType`; order of members is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type. `member` is the name of its details object, None for types without details."""

    code: int
    name: str
    member: str | None
    fields: tuple[str, ...]


_TASK: Final = ("resourceType", "resource")
_WRONG: Final = ("error", "cause")
_ENTERED: Final = ("name", "input")
_EXITED: Final = ("name", "output", "assignedVariables")
_ITERATION: Final = ("name", "index")

# code, name, details member ("" = derived from the name), members
_TABLE: Final[tuple[tuple[int, str, str | None, tuple[str, ...]], ...]] = (
    (1, "ExecutionStarted", "", ("input", "roleArn", "stateMachineAliasArn", "stateMachineVersionArn")),
    (2, "ExecutionSucceeded", "", ("output",)),
    (3, "ExecutionFailed", "", _WRONG),
    (4, "ExecutionAborted", "", _WRONG),
    (5, "ExecutionTimedOut", "", _WRONG),
    (6, "ExecutionRedriven", "", ("redriveCount",)),
    (10, "PassStateEntered", "stateEnteredEventDetails", _ENTERED),
    (11, "PassStateExited", "stateExitedEventDetails", _EXITED),
    (12, "ChoiceStateEntered", "stateEnteredEventDetails", _ENTERED),
    (13, "ChoiceStateExited", "stateExitedEventDetails", _EXITED),
    (14, "WaitStateEntered", "stateEnteredEventDetails", _ENTERED),
    (15, "WaitStateExited", "stateExitedEventDetails", _EXITED),
    (16, "WaitStateAborted", None, ()),
    (17, "SucceedStateEntered", "stateEnteredEventDetails", _ENTERED),
    (18, "SucceedStateExited", "stateExitedEventDetails", _EXITED),
    (19, "FailStateEntered", "stateEnteredEventDetails", _ENTERED),
    (20, "TaskStateEntered", "stateEnteredEventDetails", _ENTERED),
    (21, "TaskStateExited", "stateExitedEventDetails", _EXITED),
    (22, "TaskStateAborted", None, ()),
    (23, "ParallelStateEntered", "stateEnteredEventDetails", _ENTERED),
    (24, "ParallelStateStarted", None, ()),
    (25, "ParallelStateSucceeded", None, ()),
    (26, "ParallelStateFailed", None, ()),
    (27, "ParallelStateAborted", None, ()),
    (28, "ParallelStateExited", "stateExitedEventDetails", _EXITED),
    (29, "MapStateEntered", "stateEnteredEventDetails", _ENTERED),
    (30, "MapStateStarted", "", ("length",)),
    (31, "MapStateSucceeded", None, ()),
    (32, "MapStateFailed", None, ()),
    (33, "MapStateAborted", None, ()),
    (34, "MapStateExited", "stateExitedEventDetails", _EXITED),
    (35, "MapIterationStarted", "", _ITERATION),
    (36, "MapIterationSucceeded", "", _ITERATION),
    (37, "MapIterationFailed", "", _ITERATION),
    (38, "MapIterationAborted", "", _ITERATION),
    (39, "MapRunStarted", "", ("mapRunArn",)),
    (40, "MapRunSucceeded", None, ()),
    (41, "MapRunFailed", "", _WRONG),
    (42, "MapRunAborted", None, ()),
    (43, "MapRunRedriven", "", ("mapRunArn", "redriveCount")),
    (
        50,
        "TaskScheduled",
        "",
        (*_TASK, "region", "parameters", "timeoutInSeconds", "heartbeatInSeconds", "taskCredentials"),
    ),
    (51, "TaskStarted", "", _TASK),
    (52, "TaskStartFailed", "", (*_TASK, *_WRONG)),
    (53, "TaskSubmitted", "", (*_TASK, "output")),
    (54, "TaskSubmitFailed", "", (*_TASK, *_WRONG)),
    (55, "TaskSucceeded", "", (*_TASK, "output")),
    (56, "TaskFailed", "", (*_TASK, *_WRONG)),
    (57, "TaskTimedOut", "", (*_TASK, *_WRONG)),
    (60, "ActivityScheduled", "", ("resource", "input", "timeoutInSeconds", "heartbeatInSeconds")),
    (61, "ActivityScheduleFailed", "", _WRONG),
    (62, "ActivityStarted", "", ("workerName",)),
    (63, "ActivitySucceeded", "", ("output",)),
    (64, "ActivityFailed", "", _WRONG),
    (65, "ActivityTimedOut", "", _WRONG),
    (70, "LambdaFunctionScheduled", "", ("resource", "input", "timeoutInSeconds", "taskCredentials")),
    (71, "LambdaFunctionScheduleFailed", "", _WRONG),
    (72, "LambdaFunctionStarted", None, ()),
    (73, "LambdaFunctionStartFailed", "", _WRONG),
    (74, "LambdaFunctionSucceeded", "", ("output",)),
    (75, "LambdaFunctionFailed", "", _WRONG),
    (76, "LambdaFunctionTimedOut", "", _WRONG),
    (80, "EvaluationFailed", "", ("state", "error", "cause", "location")),
)


def _member(name: str, given: str | None) -> str | None:
    return f"{name[0].lower()}{name[1:]}EventDetails" if given == "" else given


EVENT_TYPES: Final = tuple(EventType(code, name, _member(name, given), fields) for code, name, given, fields in _TABLE)
BY_CODE: Final = {event.code: event for event in EVENT_TYPES}
CODE: Final = {event.name: event.code for event in EVENT_TYPES}
TERMINAL: Final = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"})
