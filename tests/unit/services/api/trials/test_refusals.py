"""TestState: what is refused before a state is entered."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from services.api.errors import ApiError
from services.api.trials import tester
from services.integrations.interface import Integrations
from services.runtime.ids import SystemIds

PASS = '{"Type": "Pass", "End": true}'
EXPECTED = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
ROLE = "arn:aws:iam::000000000000:role/any"


def outcome(**body: Any) -> dict[str, Any]:
    """What TestState answers; nothing here calls the world."""
    runs = tester.Tester(cast("Integrations", None), SystemIds())
    return asyncio.run(runs.test({"definition": PASS} | body, "000000000000", "us-east-1", 0))


def refusal(**body: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        outcome(**body)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid execution input."),
        (
            "not some json",
            f"Unrecognized token 'not': {EXPECTED}",
        ),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name"),
    ],
)
def test_input_that_is_not_json_is_refused_as_start_execution_does(text: str, message: str) -> None:
    assert refusal(input=text) == ("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{message}'")


def test_an_input_that_was_not_given_is_an_empty_object() -> None:
    assert outcome()["output"] == "{}"


@pytest.mark.parametrize("text", ["x", "arn:aws:iam::000000000000:user/any", "arn:aws:states:us-east-1:1:role/any"])
def test_a_role_must_be_one_whether_or_not_the_state_needs_it(text: str) -> None:
    assert refusal(roleArn=text) == ("InvalidArn", f"Invalid Role Arn: '{text}'")
    assert outcome(roleArn=ROLE)["status"] == "SUCCEEDED"


MAP: dict[str, Any] = {
    "Type": "Map",
    "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}},
    "End": True,
}
TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage",
    "Parameters": {"QueueUrl": "q", "MessageBody": "b"},
    "End": True,
}
READ = MAP | {
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}},
    "ItemProcessor": MAP["ItemProcessor"] | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}},
}
TOO_MANY = (
    "ValidationException",
    "Map iteration failure count must be less than or equal to the number of Map iterations",
)


@pytest.mark.parametrize("mock", [{}, {"fieldValidationMode": "NONE"}])
@pytest.mark.parametrize("state", [MAP, TASK])
def test_a_mock_must_say_how_it_ends(state: dict[str, Any], mock: dict[str, Any]) -> None:
    text = "A test mock should have only one of the following fields: [result, errorOutput]."
    assert refusal(definition=json.dumps(state), input="[]", mock=mock) == ("ValidationException", text)


@pytest.mark.parametrize("mock", [{"result": "[1, 2]"}, {"errorOutput": {"error": "E"}}])
def test_no_more_iterations_may_fail_than_there_are(mock: dict[str, Any]) -> None:
    def given(count: int) -> dict[str, Any]:
        configuration = {"mapIterationFailureCount": count}
        return {"definition": json.dumps(MAP), "input": "[1, 2]", "mock": mock, "stateConfiguration": configuration}

    assert outcome(**given(2))["status"] in ("SUCCEEDED", "FAILED")
    assert refusal(**given(3)) == TOO_MANY


def test_iterations_over_what_a_reader_brings_are_counted_where_that_is_given() -> None:
    body = {"definition": json.dumps(READ), "mock": {"result": "[1]"}}
    unknown = {"mapIterationFailureCount": 3}
    assert outcome(**body, stateConfiguration=unknown)["status"] == "SUCCEEDED"
    assert refusal(**body, stateConfiguration=unknown | {"mapItemReaderData": "[1, 2]"}) == TOO_MANY
