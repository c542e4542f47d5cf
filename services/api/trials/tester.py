"""TestState from request to answer: check, enter the state, let the world or the mock answer, show what happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

from engine.asl.diagnostics import InvalidDefinition
from engine.asl.model import Program, State, SubMachine, TaskState
from engine.asl.parse import compile_definition, compile_state
from engine.asl.resource import KnownApi
from engine.execution.execution import Origin
from engine.failure import TIMEOUT
from engine.payload import JsonError, Payload, decode_json
from engine.states.map_trial import TooManyFailures
from engine.trial import Configuration, Trial, Verdict
from services.api import errors
from services.api.configuration import check_role
from services.api.definitions import apis_of, beside
from services.api.operations.starting import input_of
from services.api.trials.checks import check_cause, check_mock
from services.api.trials.given_context import read_context
from services.api.trials.item_data import reader_of
from services.integrations.attempt_call import call_of
from services.integrations.interface import Call, Failed, Integrations, Outcome, Submitted, Watch
from services.integrations.preparation import equip
from services.runtime.ids import Ids
from services.runtime.run_aside import RunAside

T = TypeVar("T")

_LONE_STATE: Final = "StateName"
_SECONDS_MAX: Final = 300.0
"""TestState answers within five minutes."""


class Tester:
    """Runs TestState calls; tasks without a mock go to the real integrations."""

    def __init__(self, integrations: Integrations, ids: Ids, run_aside: RunAside = asyncio.to_thread) -> None:
        """Keep the world that unmocked tasks call; `run_aside` evaluates, on a thread where that is possible."""
        self._integrations = integrations
        self._ids = ids
        self._run_aside = run_aside
        self._evaluating = asyncio.Lock()

    async def test(self, body: Mapping[str, Any], account: str, region: str, now_ms: int) -> dict[str, Any]:
        """Answer one TestState.

        Raises:
            ApiError: InvalidDefinition, InvalidArn, ValidationException, InvalidExecutionInput.
        """
        text: str = body["definition"]
        program, name = await beside(text, _compile, body, apis_of(text))
        if body.get("roleArn") is not None:
            check_role(body["roleArn"])
        program = await equip(program)
        state = program.all_states[name]
        mock = body.get("mock")
        check_mock(body, state)
        check_cause(body, state)
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
        level = body.get("inspectionLevel", "INFO")
        try:
            verdict = await self._evaluate(trial.enter)
        except TooManyFailures as problem:
            raise errors.validation(str(problem)) from None
        exchange: dict[str, Any] = {}
        if verdict is None:
            watch = Watch(exchange.__setitem__, body.get("revealSecrets", False)) if level == "TRACE" else None
            verdict = await self._evaluate(await self._answer(trial, mock, now_ms, watch))
        return _shown(verdict, level, exchange)

    async def _answer(
        self, trial: Trial, mock: Mapping[str, Any] | None, now_ms: int, watch: Watch | None
    ) -> Callable[[], Verdict]:
        """What the mock or the world answers, to be evaluated."""
        if mock is not None and "errorOutput" in mock:
            return partial(trial.fail, mock["errorOutput"].get("error"), mock["errorOutput"].get("cause"))
        if mock is not None:
            return partial(trial.succeed, Payload.of_text(mock["result"]))
        assert isinstance(trial.state, TaskState)
        call = replace(call_of(trial.execution, trial.frame, trial.state, trial.attempt, now_ms), watch=watch)
        outcome = await self._in_time(call)
        if outcome is None:
            return partial(trial.fail, TIMEOUT, None)
        if isinstance(outcome, Failed):
            return partial(trial.fail, outcome.error, outcome.cause)
        assert not isinstance(outcome, Submitted), "refused before the call"
        return partial(trial.succeed, Payload.of_text(outcome.output))

    async def _evaluate(self, act: Callable[[], T]) -> T:
        """Evaluate beside the event loop, one call at a time: an expression may work for a second (decision 0009)."""
        async with self._evaluating:
            return await self._run_aside(act)

    async def _in_time(self, call: Call) -> Outcome | None:
        """The outcome of a call; None when it takes too long."""
        seconds = _SECONDS_MAX if call.timeout_seconds is None else min(_SECONDS_MAX, call.timeout_seconds)
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._integrations.call(call)
        except TimeoutError:
            if not limit.expired():
                raise
            return None

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
            input=Payload.of_text(input_of(body)),
            start_ms=now_ms,
            express=True,
            synchronous=True,
        )


def _compile(body: Mapping[str, Any], known_api: KnownApi | None) -> tuple[Program, str]:
    definition: str = body["definition"]
    try:
        if "stateName" in body:
            program = compile_definition(definition, known_api=known_api)
            state = program.all_states.get(body["stateName"])
            if state is None:
                raise errors.validation("State not found in definition")
            # Whatever its name, the context object of a state under test says StateName (recorded).
            states = {**program.all_states, _LONE_STATE: replace(state, name=_LONE_STATE)}
            return replace(program, all_states=states), _LONE_STATE
        state = compile_state(definition, known_api=known_api)
    except InvalidDefinition as problem:
        raise errors.invalid_definition(str(problem)) from None
    machine = SubMachine(_LONE_STATE, {_LONE_STATE: state})
    return Program(machine=machine, query_language=state.query_language, all_states={_LONE_STATE: state}), _LONE_STATE


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
    read = None if data is None else reader_of(data)
    return Configuration(given.get("retrierRetryCount", 0), given.get("mapIterationFailureCount"), read)


def _shown(verdict: Verdict, level: str, exchange: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"status": verdict.status}
    if verdict.output is not None:
        answer["output"] = verdict.output.text.decode()
    ending = {"error": verdict.error, "cause": verdict.cause, "nextState": verdict.next_state}
    answer |= {member: value for member, value in ending.items() if value is not None}
    if level != "INFO":
        answer["inspectionData"] = {
            member: _text_of(member, value) if isinstance(value, Payload) else value
            for member, value in {**verdict.inspection, **exchange}.items()
        }
    return answer


def _text_of(member: str, value: Payload) -> str:
    """Items are shown with blanks after their commas, everything else as it is (recorded)."""
    if member == "afterItemsPath":
        return json.dumps(value.value, ensure_ascii=False)
    return value.text.decode()
