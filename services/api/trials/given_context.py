"""Checks the context object that TestState is given.

Source: recordings of TestState with valid and invalid context objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.asl.model import State, TaskState
from engine.payload import JsonError, decode_json

_PREFIX: Final = "Invalid Context object provided: "
_TEXT, _NUMBER, _OBJECT, _ANY = "a string", "a number", "an object", ""
_MEMBERS: Final[dict[str, dict[str, str]]] = {
    "Execution": {
        "Id": _TEXT,
        "Input": _ANY,
        "Name": _TEXT,
        "RoleArn": _TEXT,
        "StartTime": _TEXT,
        "RedriveCount": _NUMBER,
        "RedriveTime": _TEXT,
    },
    "State": {"EnteredTime": _TEXT, "Name": _TEXT, "RetryCount": _NUMBER},
    "StateMachine": {"Id": _TEXT, "Name": _TEXT},
    "Task": {"Token": _TEXT},
}


def read_context(text: str, state: State) -> tuple[Mapping[str, Any] | None, str | None]:
    """The context object, or AWS's text for what is wrong with it."""
    try:
        context = decode_json(text)
    except JsonError:
        return None, _PREFIX + "must be a valid JSON object"
    if not isinstance(context, dict):
        return None, _PREFIX + "must be a valid JSON object"
    problem = _problem(context, state)
    return (context, None) if problem is None else (None, _PREFIX + problem)


def _problem(context: dict[str, Any], state: State) -> str | None:
    for name, value in context.items():
        if name == "Map":
            return "'Map' field is not supported when mocking a Context object"
        if name == "Task" and not _has_token(state):
            return (
                "Context object contains 'Task' when state is not a Task state with a '.sync' or "
                "'.waitForTaskToken' service integration pattern"
            )
        members = _MEMBERS.get(name)
        if members is None:
            return f"Field '{name}' is not allowed"
        if not isinstance(value, dict):
            return f"{name} must be an object"
        problem = _member_problem(name, value, members)
        if problem is not None:
            return problem
    return None


def _member_problem(name: str, value: dict[str, Any], members: dict[str, str]) -> str | None:
    for member, given in value.items():
        if member not in members:
            return f"Field '{member}' is not allowed"
        wanted = members[member]
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        if (wanted == _TEXT and not isinstance(given, str)) or (wanted == _NUMBER and not is_number):
            return f"{name}.{member} must be {wanted}"
    return None


def _has_token(state: State) -> bool:
    return isinstance(state, TaskState) and state.resource.pattern != "request_response"
