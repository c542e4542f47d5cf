"""Whatever a server does, it sees one request for one attempt."""

from __future__ import annotations

from typing import Any

import pytest

from services.integrations.address_check import read_policy
from services.integrations.interface import Failed
from tests.integration.integrations.test_http_task import StoredConnections
from tests.unit.services.integrations.calls import task

LOOPBACK = read_policy(["127.0.0.0/8"], plain_http=True)
CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "function-arn": ("arn:aws:lambda:us-east-1:000000000000:function:f", {"a": 1}, "Lambda"),
    "lambda-invoke": ("arn:aws:states:::lambda:invoke", {"FunctionName": "f", "Payload": {}}, "Lambda"),
    "sqs": ("arn:aws:states:::sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "m"}, "SQS"),
    "sns": ("arn:aws:states:::sns:publish", {"TopicArn": "t", "Message": "m"}, "SNS"),
    "dynamodb": ("arn:aws:states:::dynamodb:putItem", {"TableName": "t", "Item": {"a": {"S": "x"}}}, "DynamoDB"),
    "events": ("arn:aws:states:::events:putEvents", {"Entries": [{"Source": "s"}]}, "EventBridge"),
    "batch": (
        "arn:aws:states:::batch:submitJob.sync",
        {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"},
        "Batch",
    ),
    "sdk-get": ("arn:aws:states:::aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}, "S3"),
    "sdk-put": ("arn:aws:states:::aws-sdk:s3:putObject", {"Bucket": "b", "Key": "k", "Body": "x"}, "S3"),
    "sdk-delete": ("arn:aws:states:::aws-sdk:s3:deleteObject", {"Bucket": "b", "Key": "k"}, "S3"),
    "sdk-json": ("arn:aws:states:::aws-sdk:sfn:startExecution", {"StateMachineArn": "a"}, "Sfn"),
    "sdk-query": ("arn:aws:states:::aws-sdk:ec2:describeRegions", {}, "Ec2"),
}


async def outcome_of(name: str, url: str, world: Any, **changes: Any) -> Any:
    arn, parameters, _ = CALLS[name]
    integrations = world({"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test"})
    return await integrations.call(task(arn, parameters, **changes))


@pytest.mark.parametrize("name", list(CALLS))
async def test_a_closed_connection_fails_the_attempt(counting: Any, world: Any, name: str) -> None:
    server = await counting("close")
    failed = await outcome_of(name, server.url, world)
    assert isinstance(failed, Failed) and failed.error == f"{CALLS[name][2]}.SdkClientException"
    assert failed.cause.startswith("Unable to execute HTTP request: The target server failed to respond")
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", list(CALLS))
async def test_an_answer_500_fails_the_attempt(counting: Any, world: Any, name: str) -> None:
    server = await counting((500, [], b"{}"))
    failed = await outcome_of(name, server.url, world)
    assert isinstance(failed, Failed) and failed.error.startswith(CALLS[name][2] + ".")
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["function-arn", "sqs", "sdk-get", "sdk-json"])
async def test_a_hanging_server_is_left_after_the_tasks_own_time(
    counting: Any, world: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.integrations.aws_sender.AFTER_DEADLINE_SECONDS", 0.05)
    server = await counting("hang")
    failed = await outcome_of(name, server.url, world, timeout_seconds=0.05)
    assert isinstance(failed, Failed) and "Read timed out" in failed.cause
    assert len(server.requests) == 1


async def test_a_connection_that_was_used_before_is_not_tried_twice(counting: Any, world: Any) -> None:
    server = await counting((200, [], b"text"))
    arn, parameters, _ = CALLS["sdk-get"]
    integrations = world({"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "test"})
    await integrations.call(task(arn, parameters))
    server.conduct = "close"
    assert isinstance(await integrations.call(task(arn, parameters)), Failed)
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("conduct", ["close", (500, [], b"no")])
async def test_http_tasks_are_sent_once(counting: Any, world: Any, method: str, conduct: Any) -> None:
    server = await counting(conduct)
    stored = await StoredConnections.with_key()
    integrations = world({}, connections=stored.connections, policy=LOOPBACK)
    parameters = {"ApiEndpoint": server.url, "Method": method, "InvocationConfig": {"ConnectionArn": stored.arn}}
    failed = await integrations.call(task("arn:aws:states:::http:invoke", parameters))
    assert isinstance(failed, Failed) and failed.error.startswith("States.Http.")
    assert len(server.requests) == 1


async def test_nothing_is_sent_where_nobody_listens(world: Any) -> None:
    failed = await outcome_of("sqs", "http://127.0.0.1:1", world)
    assert failed == Failed(
        "SQS.SdkClientException",
        "Unable to execute HTTP request: Connect to 127.0.0.1:1 failed: Connection refused",
    )
