"""Checks what TestState is given beside the definition: the mock, and what goes with it.

Source: recordings of refused TestState calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.asl.model import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from engine.payload import JsonError, decode_json
from services.api import errors
from services.api.trials.mock_schema import mock_problem

_TYPE_NAMES: Final = {
    PassState: "Pass",
    ChoiceState: "Choice",
    WaitState: "Wait",
    SucceedState: "Succeed",
    FailState: "Fail",
}
_NEEDS_MOCK: Final = (
    "TestState API does not support Map or Parallel states. Supported state types include: "
    "[Task, Wait, Pass, Succeed, Fail, Choice]"
)


def check_mock(body: Mapping[str, Any], state: State) -> None:
    """Refuse a mock that the state cannot have, and a state that needs one.

    Raises:
        ApiError: ValidationException, InvalidDefinition.
    """
    mock = body.get("mock")
    configuration = body.get("stateConfiguration", {})
    if mock is None:
        for member, given in (("mapIterationFailureCount", configuration), ("context", body)):
            if member in given:
                name = member[0].upper() + member[1:]
                raise errors.validation(f"TestState does not support {name} when a mock is not specified.")
        _check_without_mock(body, state)
        return
    if ("result" in mock) == ("errorOutput" in mock):
        raise errors.validation("A test mock should have only one of the following fields: [result, errorOutput].")
    if body.get("revealSecrets"):
        raise errors.validation("TestState does not support RevealSecrets when a mock is specified.")
    type_name = _TYPE_NAMES.get(type(state))
    if type_name is not None:
        raise errors.validation(f"State type '{type_name}' is not supported when a mock is specified")
    if "result" in mock:
        _check_result(state, mock)
    elif not mock["errorOutput"].get("error"):
        raise errors.validation("A mocked error output must have the field: [error].")


def check_cause(body: Mapping[str, Any], state: State) -> None:
    """Refuse a cause of the mocked error that is no state inside the Map or Parallel under test.

    Raises:
        ApiError: ValidationException.
    """
    cause = body.get("stateConfiguration", {}).get("errorCausedByState")
    if cause is not None and cause not in _inside(state):
        raise errors.validation("State not found in definition")


def _check_without_mock(body: Mapping[str, Any], state: State) -> None:
    if isinstance(state, MapState | ParallelState):
        raise errors.invalid_definition(_NEEDS_MOCK)
    if isinstance(state, TaskState):
        if not body.get("roleArn"):
            raise errors.validation("RoleArn must be specified when testing a Task state")
        if state.resource.kind == "activity" or state.resource.pattern != "request_response":
            raise errors.invalid_definition(
                "TestState API does not support activities, '.sync' or '.waitForTaskToken' service integration "
                "patterns when a mock is not specified"
            )


def _check_result(state: State, mock: Mapping[str, Any]) -> None:
    try:
        result = decode_json(mock["result"])
    except JsonError:
        raise errors.validation("Mocked result must be valid JSON") from None
    if isinstance(state, ParallelState):
        if not isinstance(result, list):
            raise errors.validation("Mocked result must be an array.")
        if len(result) != len(state.branches):
            raise errors.validation(
                "Mocked result must contain the same number of items as number of Parallel branches."
            )
    elif isinstance(state, MapState):
        if state.result_writer is None and not isinstance(result, list):
            raise errors.validation("Mocked result must be an array.")
        if state.result_writer is not None and not isinstance(result, dict):
            raise errors.validation("Mocked result must be a JSON object.")
    elif isinstance(state, TaskState):
        problem = mock_problem(state.resource, result, mock.get("fieldValidationMode", "STRICT"))
        if problem is not None:
            raise errors.validation(problem)


def _inside(state: State) -> Iterator[str]:
    """The names of all states inside a Map or Parallel."""
    waiting = [state]
    while waiting:
        part = waiting.pop()
        machines = part.branches if isinstance(part, ParallelState) else ()
        for machine in (part.processor,) if isinstance(part, MapState) else machines:
            yield from machine.states
            waiting.extend(machine.states.values())
