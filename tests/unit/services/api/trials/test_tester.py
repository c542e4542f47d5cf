"""TestState from request to answer, with a world that answers what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from services.api.errors import ApiError
from services.api.trials import tester
from services.integrations.interface import Call, Failed, Outcome, Pending, Succeeded
from services.runtime.ids import SystemIds

ROLE = "arn:aws:iam::000000000000:role/r"
INVOKE = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f"},
    "End": True,
}
HTTP = {
    "Type": "Task",
    "Resource": "arn:aws:states:::http:invoke",
    "Parameters": {"ApiEndpoint": "https://a", "Method": "GET", "InvocationConfig": {"ConnectionArn": "arn:c"}},
    "End": True,
}
ITEM = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
CONFIG = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
MAP = {"Type": "Map", "ItemProcessor": ITEM, "End": True}
READING = {
    "Type": "Map",
    "ItemProcessor": {**ITEM, "ProcessorConfig": CONFIG},
    "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "Parameters": {"Bucket": "b", "Key": "k"},
        "ReaderConfig": {"InputType": "JSON"},
    },
    "End": True,
}


class World:
    """Answers every call with the same outcome, late if told so, and keeps the calls."""

    def __init__(self, outcome: Outcome, seconds: float = 0) -> None:
        self.outcome, self.seconds = outcome, seconds
        self.calls: list[Call] = []

    async def call(self, call: Call) -> Outcome:
        self.calls.append(call)
        if call.watch is not None:
            call.watch.tell("request", {"url": "secret" if call.watch.reveal_secrets else "plain"})
            call.watch.tell("response", {"statusCode": "200"})
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return self.outcome

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        raise NotImplementedError

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        return


async def run(state: dict[str, Any], world: World | None = None, **body: Any) -> dict[str, Any]:
    request = {"definition": json.dumps(state), "inspectionLevel": "DEBUG", **body}
    trials = tester.Tester(world or World(Succeeded(b'"done"')), SystemIds())
    return await trials.test(request, "000000000000", "us-east-1", 0)


async def refusal(state: dict[str, Any], **body: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        await run(state, **body)
    return caught.value.code, caught.value.message


def inspection(answer: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = answer["inspectionData"]
    return {name: json.loads(value) if isinstance(value, str) else value for name, value in data.items()}


async def test_a_task_without_a_mock_is_called() -> None:
    answer = await run(INVOKE, roleArn=ROLE, input='{"a": 1}')
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '"done"')


async def test_only_level_trace_shows_the_http_exchange() -> None:
    assert "request" not in (await run(HTTP, roleArn=ROLE))["inspectionData"]
    data = (await run(HTTP, roleArn=ROLE, inspectionLevel="TRACE"))["inspectionData"]
    assert data["request"] == {"url": "plain"} and data["response"] == {"statusCode": "200"}


async def test_secrets_are_shown_to_those_who_ask() -> None:
    answer = await run(HTTP, roleArn=ROLE, inspectionLevel="TRACE", revealSecrets=True)
    assert answer["inspectionData"]["request"] == {"url": "secret"}


async def test_a_call_that_takes_too_long_ends_in_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tester, "_SECONDS_MAX", 0.0)
    state = {**INVOKE, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Z"}]}
    answer = await run(state, World(Succeeded(b"1"), seconds=60), roleArn=ROLE)
    assert (answer["status"], answer["error"], answer["nextState"]) == ("CAUGHT_ERROR", "States.Timeout", "Z")
    assert "cause" not in answer


VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "Invalid execution input."), ("nope", f"Unrecognized token 'nope': was expecting ({VALUES})")],
)
async def test_an_input_that_is_no_json_is_refused_as_when_an_execution_starts(text: str, said: str) -> None:
    expected = ("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{said}'")
    assert await refusal({"Type": "Pass", "End": True}, input=text) == expected


@pytest.mark.parametrize("mock", [{}, {"result": "1", "errorOutput": {"error": "E"}}, {"fieldValidationMode": "NONE"}])
async def test_a_mock_is_a_result_or_an_error(mock: dict[str, Any]) -> None:
    text = "A test mock should have only one of the following fields: [result, errorOutput]."
    assert await refusal(INVOKE, mock=mock) == ("ValidationException", text)


async def test_a_mocked_error_has_a_name() -> None:
    code, text = await refusal(INVOKE, mock={"errorOutput": {"cause": "c"}})
    assert (code, "[error]" in text) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("body", "name"),
    [({"stateConfiguration": {"mapIterationFailureCount": 0}}, "MapIterationFailureCount"),
     ({"context": "{}"}, "Context")],
)  # fmt: skip
async def test_some_members_need_a_mock(body: dict[str, Any], name: str) -> None:
    text = f"TestState does not support {name} when a mock is not specified."
    assert await refusal(INVOKE, roleArn=ROLE, **body) == ("ValidationException", text)


async def test_no_more_iterations_fail_than_there_are() -> None:
    body = {"mock": {"result": "[1, 2]"}, "stateConfiguration": {"mapIterationFailureCount": 3}, "input": "[1, 2]"}
    text = "Map iteration failure count must be less than or equal to the number of Map iterations"
    assert await refusal(MAP, **body) == ("ValidationException", text)
    body["stateConfiguration"] = {"mapIterationFailureCount": 2}
    assert (await run(MAP, **body))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(("cause", "is_known"), [("I", True), ("J", True), ("K", False)])
async def test_the_cause_of_an_error_is_a_state_inside(cause: str, is_known: bool) -> None:
    inner = {"StartAt": "J", "States": {"J": {"Type": "Map", "ItemProcessor": ITEM, "End": True}}}
    state = {"Type": "Parallel", "Branches": [inner], "End": True}
    body = {"mock": {"errorOutput": {"error": "E"}}, "stateConfiguration": {"errorCausedByState": cause}}
    if is_known:
        assert (await run(state, **body))["status"] == "FAILED"
    else:
        assert await refusal(state, **body) == ("ValidationException", "State not found in definition")


async def test_item_selector_shows_the_input_of_every_iteration() -> None:
    state = {**MAP, "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "k.$": "$.k"},
             "ItemsPath": "$.items"}  # fmt: skip
    answer = await run(state, mock={"result": "[0, 0]"}, input='{"items": [5, 6], "k": 1}', context='{"State": {}}')
    assert inspection(answer)["afterItemSelector"] == [{"v": 5, "i": 0, "k": 1}, {"v": 6, "i": 1, "k": 1}]


async def test_an_item_of_an_inline_map_has_no_source() -> None:
    state = {**MAP, "ItemSelector": {"s.$": "$$.Map.Item.Source"}}
    answer = await run(state, mock={"result": "[0]"}, input="[1]")
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Runtime")


async def test_item_batcher_shows_the_batches() -> None:
    state = {**READING, "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"x": 1}}}
    answer = await run(state, mock={"result": "[]"}, stateConfiguration={"mapItemReaderData": "[1, 2, 3]"})
    batches = [{"BatchInput": {"x": 1}, "Items": items} for items in ([1, 2], [3])]
    assert inspection(answer)["afterItemBatcher"] == batches


@pytest.mark.parametrize(
    ("config", "data", "items"),
    [
        ({"InputType": "JSON"}, "[1, 2]", [1, 2]),
        ({"InputType": "JSON", "MaxItems": 1}, "[1, 2]", [1]),
        ({"InputType": "JSON", "ItemsPointer": "/a/b"}, '{"a": {"b": [7]}}', [7]),
        ({"InputType": "JSONL"}, '{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ({"InputType": "PARQUET"}, '[{"a": 1}]', [{"a": 1}]),
    ],
)
async def test_reader_data_are_read_as_the_reader_says(config: dict[str, Any], data: str, items: list[Any]) -> None:
    state = {**READING, "ItemReader": {**READING["ItemReader"], "ReaderConfig": config},
             "ItemSelector": {"it.$": "$$.Map.Item.Value"}}  # fmt: skip
    answer = await run(state, mock={"result": "[]"}, stateConfiguration={"mapItemReaderData": data})
    found = inspection(answer)
    assert found["afterItemSelector"] == [{"it": item} for item in items]
    assert found.get("afterItemsPointer") == (items if "ItemsPointer" in config else None)


async def test_reader_data_that_cannot_be_read_fail_the_state() -> None:
    answer = await run(READING, mock={"result": "[]"}, stateConfiguration={"mapItemReaderData": "nope"})
    assert (answer["status"], answer["error"]) == ("FAILED", "States.ItemReaderFailed")


async def test_a_tolerance_that_is_no_number_fails_the_state() -> None:
    state = {**MAP, "ItemProcessor": {**ITEM, "ProcessorConfig": CONFIG},
             "ToleratedFailurePercentagePath": "$[0]"}  # fmt: skip
    answer = await run(state, mock={"result": "[]"}, input='["x"]')
    assert answer["cause"] == (
        'The ToleratedFailurePercentagePath field refers to value "x" which is not a valid float: $[0]'
    )


async def test_what_a_callback_brings_is_not_held_against_the_model_of_the_call() -> None:
    state = {**INVOKE, "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
             "Parameters": {"QueueUrl": "q", "MessageBody": "b"}}  # fmt: skip
    answer = await run(state, mock={"result": '{"approved": true}'})
    assert answer["output"] == '{"approved": true}'


async def test_an_action_that_the_sdk_lacks_is_refused() -> None:
    state = {**INVOKE, "Resource": "arn:aws:states:::aws-sdk:s3:fooBar"}
    code, _ = await refusal(state, mock={"result": "{}"})
    assert code == "InvalidDefinition"
