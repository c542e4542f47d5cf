"""What the recordings show of other services' answers, against stand-ins of these services."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from typing import Any

import boto3
import pytest

from services.integrations.interface import Failed, Submitted, Succeeded
from tests.integration.integrations.stand_ins import REGION
from tests.unit.services.integrations.calls import task

LAMBDA = "arn:aws:states:::lambda:invoke"


@pytest.fixture(scope="session")
def client(stand_ins: dict[str, str]) -> Any:
    """Makes boto3 clients of the stand-ins, to set tasks up."""

    def make(service: str) -> Any:
        url = stand_ins.get(f"AWS_ENDPOINT_URL_{service.upper()}") or stand_ins["AWS_ENDPOINT_URL"]
        return boto3.client(
            service, endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    return make


@pytest.fixture
def integrations(stand_ins: dict[str, str], world: Any) -> Any:
    return world(stand_ins)


def function(client: Any, source: str) -> tuple[str, str]:
    """Make a function; its name and ARN."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("handler.py", source)
    name = f"f-{uuid.uuid4().hex[:8]}"
    made = client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="handler.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    return name, made["FunctionArn"]


def output(outcome: Any) -> Any:
    assert isinstance(outcome, (Succeeded, Submitted)), outcome
    return json.loads(outcome.output)


def masked(text: str) -> str:
    return re.sub(r"Request ID: [A-Za-z0-9-/=+]+", "Request ID: <id>", text)


def in_sdk_1(message: str, service: str, status: int, code: str) -> str:
    """A cause of an optimised integration."""
    return f"{message} (Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: <id>; Proxy: null)"


ECHO = "def handler(event, context):\n    return event\n"
RAISE = 'def handler(event, context):\n    raise Exception("Some exception was raised.")\n'
LARGE = 'def handler(event, context):\n    return ("a" * 257 * 1024).encode("utf-8")\n'


@pytest.mark.parametrize("value", ["HelloWorld", True, 0, {}, [], None])
async def test_a_function_arn_answers_with_the_functions_own_value(client: Any, integrations: Any, value: Any) -> None:
    _, arn = function(client, ECHO)
    assert output(await integrations.call(task(arn, value))) == value


@pytest.mark.parametrize(
    ("payload", "seen"), [("0", 0), ('"HelloWorld"', "HelloWorld"), (None, {}), ({"a": [1]}, {"a": [1]})]
)
async def test_lambda_invoke_wraps_the_parsed_payload(client: Any, integrations: Any, payload: Any, seen: Any) -> None:
    name, _ = function(client, ECHO)
    result = output(await integrations.call(task(LAMBDA, {"FunctionName": name, "Payload": payload})))
    assert list(result) == ["ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"]
    assert (result["ExecutedVersion"], result["Payload"], result["StatusCode"]) == ("$LATEST", seen, 200)
    http = result["SdkHttpMetadata"]
    assert http["HttpStatusCode"] == 200
    assert http["HttpHeaders"] == {name: values[-1] for name, values in http["AllHttpHeaders"].items()}


async def test_lambda_invoke_shows_a_log_tail_when_asked(client: Any, integrations: Any) -> None:
    name, _ = function(client, ECHO)
    parameters = {"FunctionName": name, "Payload": None, "LogType": "Tail"}
    assert "LogResult" in output(await integrations.call(task(LAMBDA, parameters)))


@pytest.mark.parametrize("form", ["arn", "invoke"])
async def test_an_exception_of_the_function_names_the_error(client: Any, integrations: Any, form: str) -> None:
    name, arn = function(client, RAISE)
    call = task(arn, {}) if form == "arn" else task(LAMBDA, {"FunctionName": name, "Payload": None})
    failed = await integrations.call(call)
    assert isinstance(failed, Failed) and failed.error == "Exception"
    cause = json.loads(failed.cause)
    assert list(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert cause["errorMessage"] == "Some exception was raised."
    assert ('", "' in failed.cause) is (form == "arn")


@pytest.mark.parametrize("form", ["arn", "invoke"])
async def test_a_result_over_the_limit_fails_with_the_tasks_name(client: Any, integrations: Any, form: str) -> None:
    name, arn = function(client, LARGE)
    call = task(arn, {}) if form == "arn" else task(LAMBDA, {"FunctionName": name, "Payload": None})
    failed = await integrations.call(call)
    shown = arn if form == "arn" else "lambda"
    assert failed == Failed(
        "States.DataLimitExceeded",
        f"The state/task '{shown}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )


async def test_no_such_function_reads_as_in_sdk_1(client: Any, integrations: Any) -> None:
    failed = await integrations.call(task(LAMBDA, {"FunctionName": "no_such_f", "Payload": None}))
    assert failed.error == "Lambda.ResourceNotFoundException"
    assert masked(failed.cause) == (
        f"Function not found: arn:aws:lambda:{REGION}:000000000000:function:no_such_f:$LATEST (Service: AWSLambda; "
        "Status Code: 404; Error Code: ResourceNotFoundException; Request ID: <id>; Proxy: null)"
    )


@pytest.fixture
def table(client: Any) -> str:
    name = f"t-{uuid.uuid4().hex[:8]}"
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return name


ITEM = {"data": {"S": "HelloWorld"}, "id": {"S": "id1"}}
UPDATE = {
    "UpdateExpression": "set S=:r",
    "ExpressionAttributeValues": {":r": {"S": "new"}},
    "ReturnValues": "UPDATED_NEW",
}


async def test_dynamodb_items_keep_their_types(integrations: Any, table: str) -> None:
    key = {"TableName": table, "Key": {"id": {"S": "id1"}}}
    put = output(await integrations.call(task("arn:aws:states:::dynamodb:putItem", {"TableName": table, "Item": ITEM})))
    update = output(await integrations.call(task("arn:aws:states:::dynamodb:updateItem", {**key, **UPDATE})))
    got = output(await integrations.call(task("arn:aws:states:::dynamodb:getItem", key)))
    assert list(put) == ["SdkHttpMetadata", "SdkResponseMetadata"]
    assert update["Attributes"] == {"S": {"S": "new"}}
    assert got["Item"] == {**ITEM, "S": {"S": "new"}}


async def test_aws_sdk_dynamodb_shows_no_metadata(integrations: Any, table: str) -> None:
    sdk = "arn:aws:states:::aws-sdk:dynamodb:"
    key = {"TableName": table, "Key": {"id": {"S": "id1"}}}
    query = {
        "TableName": table,
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": "id1"}},
    }
    assert output(await integrations.call(task(sdk + "putItem", {"TableName": table, "Item": ITEM}))) == {}
    assert output(await integrations.call(task(sdk + "query", query))) == {
        "Count": 1,
        "Items": [ITEM],
        "ScannedCount": 1,
    }
    assert output(await integrations.call(task(sdk + "deleteItem", key))) == {}


@pytest.mark.parametrize(
    ("arn", "parameters", "error", "cause"),
    [
        (
            "dynamodb:putItem",
            {"TableName": "none", "Item": ITEM},
            "DynamoDB.ResourceNotFoundException",
            in_sdk_1("Requested resource not found", "AmazonDynamoDBv2", 400, "ResourceNotFoundException"),
        ),
        (
            "dynamodb:putItem",
            {"TableName": "none", "Item": None},
            "DynamoDB.AmazonDynamoDBException",
            in_sdk_1(
                "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be "
                "null",
                "AmazonDynamoDBv2",
                400,
                "ValidationException",
            ),
        ),
        (
            "aws-sdk:dynamodb:putItem",
            {"TableName": "none", "Item": ITEM},
            "DynamoDb.ResourceNotFoundException",
            "Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: <id>)",
        ),
        (
            "aws-sdk:secretsmanager:createSecret",
            {"Name": "Invalid Name", "SecretString": "x"},
            "SecretsManager.SecretsManagerException",
            (
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: "
                "-/_+=.@! (Service: SecretsManager, Status Code: 400, Request ID: <id>)"
            ),
        ),
        (
            "aws-sdk:s3:listObjects",
            {"Bucket": "someNonexistentBucketName1"},
            "S3.NoSuchBucketException",
            (
                "The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: <id>, "
                "Extended Request ID: <id>)"
            ),
        ),
        (
            "sns:publish",
            {"TopicArn": f"arn:aws:sns:{REGION}:000000000000:none", "Message": {"a": 1}},
            "SNS.NotFoundException",
            in_sdk_1("Topic does not exist", "AmazonSNS", 404, "NotFound"),
        ),
        (
            "events:putEvents",
            {"Entries": [{"Detail": '"jsonstring"', "DetailType": "t", "Source": "some.source"}]},
            "EventBridge.FailedEntry",
            '{"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}],"FailedEntryCount":1}',
        ),
    ],
)
async def test_refusals_read_as_recorded(integrations: Any, arn: str, parameters: Any, error: str, cause: str) -> None:
    failed = await integrations.call(task(f"arn:aws:states:::{arn}", parameters))
    assert isinstance(failed, Failed), failed
    assert (failed.error, masked(failed.cause)) == (error, cause)


async def test_sqs_sends_text_and_the_json_of_objects(client: Any, integrations: Any) -> None:
    url = client("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = "arn:aws:states:::sqs:sendMessage"
    sent = output(await integrations.call(task(arn, {"QueueUrl": url, "MessageBody": "text"})))
    assert list(sent) == ["MD5OfMessageBody", "MessageId", "SdkHttpMetadata", "SdkResponseMetadata"]
    waiting = await integrations.call(
        task(arn + ".waitForTaskToken", {"QueueUrl": url, "MessageBody": {"Message": "m", "TaskToken": "t"}})
    )
    assert isinstance(waiting, Submitted) and waiting.job is None
    bodies = {
        m["Body"]
        for _ in range(2)
        for m in client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    }
    assert bodies == {"text", '{"Message":"m","TaskToken":"t"}'}


async def test_a_queue_on_a_host_that_does_not_exist_is_a_client_error(integrations: Any) -> None:
    call = task("arn:aws:states:::sqs:sendMessage", {"QueueUrl": "http://no-such-queue.invalid", "MessageBody": "x"})
    assert await integrations.call(call) == Failed(
        "SQS.SdkClientException",
        "Unable to execute HTTP request: no-such-queue.invalid: Name or service not known",
    )


async def test_a_null_body_is_refused_by_sqs_itself(client: Any, integrations: Any) -> None:
    url = client("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    failed = await integrations.call(task("arn:aws:states:::sqs:sendMessage", {"QueueUrl": url, "MessageBody": None}))
    assert failed.error == "SQS.AmazonSQSException"
    assert masked(failed.cause) == (
        "The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: 400; Error Code: "
        "MissingParameter; Request ID: <id>; Proxy: null)"
    )


async def test_sns_publish_to_a_fifo_topic(client: Any, integrations: Any) -> None:
    topic = client("sns").create_topic(Name=f"t{uuid.uuid4().hex[:6]}.fifo", Attributes={"FifoTopic": "true"})[
        "TopicArn"
    ]
    arn = "arn:aws:states:::sns:publish"
    grouped = {"TopicArn": topic, "Message": {"m": 1}, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    sent = output(await integrations.call(task(arn, grouped)))
    assert list(sent) == ["MessageId", "SdkHttpMetadata", "SdkResponseMetadata", "SequenceNumber"]
    failed = await integrations.call(task(arn, {"TopicArn": topic, "Message": "m"}))
    assert (failed.error, masked(failed.cause)) == (
        "SNS.InvalidParameterException",
        in_sdk_1(
            "Invalid parameter: The MessageGroupId parameter is required for FIFO topics",
            "AmazonSNS",
            400,
            "InvalidParameter",
        ),
    )


async def test_events_show_ids_and_no_metadata(integrations: Any) -> None:
    entry = {"Detail": {"a": 1}, "DetailType": "t", "Source": "some.source"}
    sent = output(await integrations.call(task("arn:aws:states:::events:putEvents", {"Entries": [entry]})))
    assert list(sent) == ["Entries", "FailedEntryCount"] and sent["FailedEntryCount"] == 0


@pytest.mark.parametrize("body", ["text data", {"Dict": "Value"}, ["List"], False, 0, None, ""])
async def test_s3_stores_the_json_of_a_body(client: Any, integrations: Any, body: Any) -> None:
    bucket = f"b-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)
    place = {"Bucket": bucket, "Key": "a b/é.json"}
    put = output(await integrations.call(task("arn:aws:states:::aws-sdk:s3:putObject", {**place, "Body": body})))
    assert set(put) == {"ChecksumCRC32", "ChecksumType", "ETag", "ServerSideEncryption"}
    assert put["ETag"].startswith('"') and put["ChecksumType"] == "FULL_OBJECT"
    got = output(await integrations.call(task("arn:aws:states:::aws-sdk:s3:getObject", place)))
    assert json.loads(got["Body"]) == body
    assert list(got)[-1] == "Body" and got["Metadata"] == {}
    assert "ChecksumCRC32" not in got
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", got["LastModified"])


@pytest.mark.parametrize(
    ("given", "stored"),
    [({}, "text/plain; charset=UTF-8"), ({"ContentType": "application/json"}, "application/json")],
)
async def test_s3_stores_a_body_as_text_unless_told(client: Any, integrations: Any, given: Any, stored: str) -> None:
    bucket = f"b-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)
    place = {"Bucket": bucket, "Key": "k"}
    put = task("arn:aws:states:::aws-sdk:s3:putObject", {**place, "Body": {"a": 1}, **given})
    output(await integrations.call(put))
    assert client("s3").get_object(**place)["ContentType"] == stored


async def test_s3_lists_without_what_was_not_asked_for(client: Any, integrations: Any) -> None:
    bucket = f"b-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)
    arn = "arn:aws:states:::aws-sdk:s3:listObjectsV2"
    empty = output(await integrations.call(task(arn, {"Bucket": bucket})))
    assert "Contents" not in empty and "EncodingType" not in empty and empty["KeyCount"] == 0


async def test_s3_objects_over_the_limit_are_refused(client: Any, integrations: Any) -> None:
    bucket = f"b-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="k", Body=b"a" * 262_145)
    failed = await integrations.call(task("arn:aws:states:::aws-sdk:s3:getObject", {"Bucket": bucket, "Key": "k"}))
    assert failed.error == "States.DataLimitExceeded" and "'aws-sdk:s3'" in failed.cause


async def test_secrets_of_an_empty_account(integrations: Any) -> None:
    sent = output(await integrations.call(task("arn:aws:states:::aws-sdk:secretsmanager:listSecrets", {})))
    assert sent["SecretList"] == []
