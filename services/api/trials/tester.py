"""TestState from request to answer: check, enter the state, let the world or the mock answer, show what happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from engine.asl.diagnostics import InvalidDefinition
from engine.asl.model import (
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    Program,
    State,
    SubMachine,
    SucceedState,
    TaskState,
    WaitState,
)
from engine.asl.parse import compile_definition, compile_state
from engine.execution.execution import Origin
from engine.payload import JsonError, Payload, decode_json
from engine.trial import Configuration, Trial, Verdict
from services.api import errors
from services.api.trials.given_context import read_context
from services.api.trials.mock_schema import mock_problem
from services.integrations.attempt_call import call_of
from services.integrations.interface import Failed, Integrations, Submitted
from services.integrations.preparation import equip
from services.runtime.ids import Ids

_LONE_STATE: Final = "StateName"
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


class Tester:
    """Runs TestState calls; tasks without a mock go to the real integrations."""

    def __init__(self, integrations: Integrations, ids: Ids) -> None:
        """Keep the world that unmocked tasks call."""
        self._integrations = integrations
        self._ids = ids

    async def test(self, body: Mapping[str, Any], account: str, region: str, now_ms: int) -> dict[str, Any]:
        """Answer one TestState.

        Raises:
            ApiError: InvalidDefinition, ValidationException, InvalidExecutionInput.
        """
        program, name = _compile(body)
        program = await equip(program)
        state = program.all_states[name]
        mock = body.get("mock")
        _check_mock(body, state, mock)
        trial = Trial(
            program,
            name,
            self._origin(body, account, region, now_ms),
            now_ms,
            self._ids.entropy,
            _json_object(body.get("variables"), "variables"),
            _context(body, state),
            _configuration(body),
        )
        verdict = trial.enter()
        if verdict is None:
            verdict = await self._answer(trial, mock, now_ms)
        return _shown(verdict, body.get("inspectionLevel", "INFO"))

    async def _answer(self, trial: Trial, mock: Mapping[str, Any] | None, now_ms: int) -> Verdict:
        if mock is not None and "errorOutput" in mock:
            return trial.fail(mock["errorOutput"].get("error"), mock["errorOutput"].get("cause"))
        if mock is not None:
            return trial.succeed(Payload.of_text(mock["result"]))
        assert isinstance(trial.state, TaskState)
        call = call_of(trial.execution, trial.frame, trial.state, trial.attempt, now_ms)
        outcome = await self._integrations.call(call)
        if isinstance(outcome, Failed):
            return trial.fail(outcome.error, outcome.cause)
        assert not isinstance(outcome, Submitted), "refused before the call"
        return trial.succeed(Payload.of_text(outcome.output))

    def _origin(self, body: Mapping[str, Any], account: str, region: str, now_ms: int) -> Origin:
        """A synthetic express execution, as AWS makes one."""
        machine, name = str(self._ids.uuid()), str(self._ids.uuid())
        prefix = f"arn:aws:states:{region}:{account}"
        return Origin(
            id=UUID(bytes=self._ids.entropy(16)),
            arn=f"{prefix}:express:{machine}:{name}",
            name=name,
            machine_arn=f"{prefix}:stateMachine:{machine}",
            machine_name=machine,
            role_arn=body.get("roleArn", ""),
            input=_input(body),
            start_ms=now_ms,
            express=True,
            synchronous=True,
        )


def _compile(body: Mapping[str, Any]) -> tuple[Program, str]:
    definition: str = body["definition"]
    try:
        if "stateName" in body:
            program = compile_definition(definition)
            state = program.all_states.get(body["stateName"])
            if state is None:
                raise errors.validation("State not found in definition")
            # Whatever its name, the context object of a state under test says StateName (recorded).
            states = {**program.all_states, _LONE_STATE: replace(state, name=_LONE_STATE)}
            return replace(program, all_states=states), _LONE_STATE
        state = compile_state(definition)
    except InvalidDefinition as problem:
        raise errors.invalid_definition(str(problem)) from None
    machine = SubMachine(_LONE_STATE, {_LONE_STATE: state})
    return Program(machine=machine, query_language=state.query_language, all_states={_LONE_STATE: state}), _LONE_STATE


def _check_mock(body: Mapping[str, Any], state: State, mock: Mapping[str, Any] | None) -> None:
    configuration = body.get("stateConfiguration", {})
    if mock is None:
        if "mapIterationFailureCount" in configuration:
            raise errors.validation("TestState does not support MapIterationFailureCount when a mock is not specified.")
        _check_without_mock(body, state)
        return
    if "result" in mock and "errorOutput" in mock:
        raise errors.validation("A test mock should have only one of the following fields: [result, errorOutput].")
    if body.get("revealSecrets"):
        raise errors.validation("TestState does not support RevealSecrets when a mock is specified.")
    type_name = _TYPE_NAMES.get(type(state))
    if type_name is not None:
        raise errors.validation(f"State type '{type_name}' is not supported when a mock is specified")
    if "result" in mock:
        _check_result(state, mock)


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


def _input(body: Mapping[str, Any]) -> Payload:
    try:
        return Payload.of_text(body.get("input", "{}"))
    except JsonError as problem:
        raise errors.invalid_execution_input(str(problem)) from None


def _json_object(text: str | None, name: str) -> Mapping[str, Any]:
    if text is None:
        return {}
    try:
        value = decode_json(text)
    except JsonError:
        value = None
    if not isinstance(value, dict):
        raise errors.validation(f"The value of '{name}' must be a JSON object")
    return value


def _context(body: Mapping[str, Any], state: State) -> Mapping[str, Any] | None:
    if "context" not in body:
        return None
    context, problem = read_context(body["context"], state)
    if problem is not None:
        raise errors.validation(problem)
    return context


def _configuration(body: Mapping[str, Any]) -> Configuration:
    given = body.get("stateConfiguration", {})
    data = given.get("mapItemReaderData")
    items = None
    if data is not None:
        try:
            items = decode_json(data)
        except JsonError:
            raise errors.validation("The value of 'mapItemReaderData' must be valid JSON") from None
    return Configuration(given.get("retrierRetryCount", 0), given.get("mapIterationFailureCount"), items)


def _shown(verdict: Verdict, level: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"status": verdict.status}
    if verdict.output is not None:
        answer["output"] = verdict.output.text.decode()
    ending = {"error": verdict.error, "cause": verdict.cause, "nextState": verdict.next_state}
    answer |= {member: value for member, value in ending.items() if value is not None}
    if level != "INFO":
        answer["inspectionData"] = {
            member: _text_of(member, value) if isinstance(value, Payload) else value
            for member, value in verdict.inspection.items()
        }
    return answer


def _text_of(member: str, value: Payload) -> str:
    """Items are shown with blanks after their commas, everything else as it is (recorded)."""
    if member == "afterItemsPath":
        return json.dumps(value.value, ensure_ascii=False)
    return value.text.decode()
