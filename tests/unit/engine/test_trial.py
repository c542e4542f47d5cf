"""One state on its own, as the recordings of TestState have it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from engine.asl.model import Program, SubMachine
from engine.asl.parse import compile_state
from engine.execution.execution import Origin
from engine.payload import Payload
from engine.trial import Configuration, Trial, Verdict

INVOKE = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f"},
    "End": True,
}
ITEM = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
MAP = {"Type": "Map", "ItemsPath": "$.values", "ItemProcessor": ITEM, "End": True}


def trial(state: dict[str, Any], value: Any = None, **given: Any) -> Trial:
    compiled = compile_state(json.dumps(state))
    program = Program(
        machine=SubMachine("StateName", {"StateName": compiled}),
        query_language=compiled.query_language,
        all_states={"StateName": compiled},
    )
    origin = Origin(
        id=UUID(int=1),
        arn="arn:aws:states:us-east-1:000000000000:express:m:e",
        name="e",
        machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:m",
        machine_name="m",
        role_arn="",
        input=Payload({} if value is None else value),
        start_ms=0,
        express=True,
        synchronous=True,
    )
    return Trial(program, "StateName", origin, 0, lambda size: b"\1" * size, **given)


def shown(verdict: Verdict | None) -> dict[str, Any]:
    assert verdict is not None
    return {name: value.value if isinstance(value, Payload) else value for name, value in verdict.inspection.items()}


def test_a_pass_state_shows_every_step_of_its_data() -> None:
    state = {"Type": "Pass", "InputPath": "$.a", "Parameters": {"p.$": "$.b"}, "ResultPath": "$.r", "End": True}
    verdict = trial(state, {"a": {"b": 1}}).enter()
    assert shown(verdict) == {
        "input": {"a": {"b": 1}},
        "afterInputPath": {"b": 1},
        "afterParameters": {"p": 1},
        "afterResultSelector": {"p": 1},
        "afterResultPath": {"a": {"b": 1}, "r": {"p": 1}},
    }


def test_a_literal_result_hides_what_it_replaces() -> None:
    verdict = trial({"Type": "Pass", "Result": 5, "End": True}).enter()
    assert set(shown(verdict)) == {"input", "result", "afterResultSelector", "afterResultPath"}


def test_a_choice_says_where_it_goes() -> None:
    rule = {"Variable": "$.x", "NumericGreaterThan": 1, "Next": "Big"}
    verdict = trial({"Type": "Choice", "Choices": [rule]}, {"x": 2}).enter()
    assert verdict is not None
    assert (verdict.status, verdict.next_state, set(shown(verdict))) == (
        "SUCCEEDED",
        "Big",
        {"input", "afterInputPath"},
    )


def test_causes_have_no_prefix() -> None:
    verdict = trial({"Type": "Pass", "InputPath": "$.missing", "End": True}).enter()
    assert verdict is not None
    assert (verdict.status, verdict.error) == ("FAILED", "States.Runtime")
    assert verdict.cause is not None
    assert verdict.cause.startswith("Invalid path '$.missing'")


RETRY = [{"ErrorEquals": ["E"], "IntervalSeconds": 1, "MaxAttempts": 5, "BackoffRate": 2.0}]


@pytest.mark.parametrize(
    ("used", "status", "details"),
    [
        pytest.param(4, "RETRIABLE", {"retryIndex": 0, "retryBackoffIntervalSeconds": 16}, id="one-left"),
        pytest.param(5, "FAILED", {"retryIndex": 0}, id="exhausted"),
    ],
)
def test_a_retrier_counts_what_the_configuration_says(used: int, status: str, details: dict[str, int]) -> None:
    tried = trial({**INVOKE, "Retry": RETRY}, configuration=Configuration(retrier_retry_count=used))
    assert tried.enter() is None
    verdict = tried.fail("E", "why")
    assert (verdict.status, shown(verdict)["errorDetails"]) == (status, details)


def test_a_catcher_gives_output_and_next_state() -> None:
    tried = trial({**INVOKE, "Catch": [{"ErrorEquals": ["E"], "Next": "Z", "ResultPath": "$.e"}]}, {"a": 1})
    tried.enter()
    verdict = tried.fail("E", "why")
    assert (verdict.status, verdict.next_state) == ("CAUGHT_ERROR", "Z")
    assert verdict.output == Payload({"a": 1, "e": {"Error": "E", "Cause": "why"}})
    assert shown(verdict)["errorDetails"] == {"catchIndex": 0}


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        pytest.param({}, "SUCCEEDED", id="no-tolerance-is-not-checked"),
        pytest.param({"ToleratedFailureCount": 1}, "FAILED", id="count-crossed"),
        pytest.param({"ToleratedFailureCount": 2}, "SUCCEEDED", id="count-reached"),
        pytest.param({"ToleratedFailurePercentage": 50}, "FAILED", id="share-crossed"),
    ],
)
def test_a_map_tolerates_what_it_says(tolerance: dict[str, int], status: str) -> None:
    processor = {**ITEM, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    state = {**MAP, "ItemProcessor": processor, **tolerance}
    configuration = Configuration(map_iteration_failure_count=2)
    tried = trial(state, {"values": [1, 2, 3]}, configuration=configuration)
    assert tried.enter() is None
    verdict = tried.succeed(Payload([1, 2, 3]))
    assert verdict.status == status
    if status == "FAILED":
        assert verdict.error == "States.ExceedToleratedFailureThreshold"


def test_items_that_are_no_array_are_not_shown_as_items() -> None:
    verdict = trial({**MAP, "ItemsPath": "$$.Execution.Input"}, {"values": 1}).enter()
    assert verdict is not None
    assert verdict.cause == 'Reference path "$.Execution.Input" must point to array.'
    assert set(shown(verdict)) == {"input", "afterInputPath"}


def test_a_given_context_replaces_ours() -> None:
    state = {"Type": "Pass", "Parameters": {"name.$": "$$.Execution.Name"}, "End": True}
    verdict = trial(state, context={"Execution": {"Name": "given"}}).enter()
    assert verdict is not None
    assert verdict.output == Payload({"name": "given"})
