"""Parameters become what the API takes, answers become what AWS shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.model import Shape

from services.integrations.models import service_model
from services.integrations.shapes import (
    OPTIMISED,
    SDK,
    Dialect,
    ParameterProblems,
    epoch_ms,
    iso_time,
    text_or_base64,
    to_json,
    to_parameters,
)


def input_of(service: str, operation: str) -> Shape:
    shape = service_model(service).operation_model(operation).input_shape
    assert shape is not None
    return shape


def output_of(service: str, operation: str) -> Shape:
    shape = service_model(service).operation_model(operation).output_shape
    assert shape is not None
    return shape


def test_members_of_camel_case_apis_are_raised_at_every_depth() -> None:
    parameters = {
        "Cluster": "c",
        "TaskDefinition": "t",
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["s"], "AssignPublicIp": "ENABLED"}},
    }
    assert to_parameters(parameters, input_of("ecs", "RunTask"), OPTIMISED) == {
        "cluster": "c",
        "taskDefinition": "t",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"], "assignPublicIp": "ENABLED"}},
    }


def test_javas_spelling_and_the_apis_own_are_both_taken() -> None:
    shape = input_of("rds", "DeleteDBInstance")
    for name in ("DbInstanceIdentifier", "DBInstanceIdentifier"):
        assert to_parameters({name: "x"}, shape, SDK) == {"DBInstanceIdentifier": "x"}


@pytest.mark.parametrize(
    ("service", "operation", "given", "made"),
    [
        (
            "stepfunctions",
            "StartExecution",
            {"StateMachineArn": "a", "Input": {"b": [1]}},
            {"stateMachineArn": "a", "input": '{"b":[1]}'},
        ),
        (
            "cloudformation",
            "DeleteStackInstances",
            {"StackSetName": "s", "Regions": ["r"], "RetainStacks": "false"},
            {"StackSetName": "s", "Regions": ["r"], "RetainStacks": False},
        ),
        (
            "sqs",
            "ReceiveMessage",
            {"QueueUrl": "u", "MaxNumberOfMessages": "5"},
            {"QueueUrl": "u", "MaxNumberOfMessages": 5},
        ),
        ("sqs", "ReceiveMessage", {"QueueUrl": "u", "WaitTimeSeconds": 2.0}, {"QueueUrl": "u", "WaitTimeSeconds": 2}),
        (
            "s3",
            "PutObject",
            {"Bucket": "b", "Key": "k", "Body": "text"},
            {"Bucket": "b", "Key": "k", "Body": b'"text"'},
        ),
        ("kms", "Encrypt", {"KeyId": "k", "Plaintext": "text"}, {"KeyId": "k", "Plaintext": b"text"}),
        (
            "dynamodb",
            "PutItem",
            {"TableName": "t", "Item": {"a": {"M": {"b": {"N": "1"}}}}},
            {"TableName": "t", "Item": {"a": {"M": {"b": {"N": "1"}}}}},
        ),
        ("dynamodb", "PutItem", {"TableName": "t", "Item": None}, {"TableName": "t"}),
    ],
)
def test_values_become_what_the_api_wants(service: str, operation: str, given: Any, made: Any) -> None:
    assert to_parameters(given, input_of(service, operation), SDK) == made


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"Bucket": "b"}, "The field 'Key' is required but was missing"),
        ({"Bucket": "b", "Key": "k", "Typo": 1}, 'The field "Typo" is not supported by Step Functions'),
        ({"Bucket": "b", "Key": "k", "PartNumber": "one"}, "The value of the field 'PartNumber' has an invalid format"),
        (
            {"Bucket": "b", "Key": "k", "IfModifiedSince": "yesterday"},
            "The value of the field 'IfModifiedSince' has an invalid format",
        ),
        ([], "The Parameters must be a JSON object"),
    ],
)
def test_problems_are_said_in_awss_words(given: Any, problem: str) -> None:
    with pytest.raises(ParameterProblems) as refused:
        to_parameters(given, input_of("s3", "GetObject"), SDK)
    assert refused.value.problems == [problem]


@pytest.mark.parametrize(
    ("dialect", "spelled", "taken"),
    [
        (OPTIMISED, "Cluster", True),
        (OPTIMISED, "cluster", True),
        (OPTIMISED, "CLUSTER", False),
        (SDK, "Cluster", True),
        (SDK, "cluster", False),
        (SDK, "CLUSTER", True),
    ],
)
def test_spellings_of_a_member(dialect: Dialect, spelled: str, taken: bool) -> None:
    given = {spelled: "c", "TaskDefinition": "t"}
    if taken:
        assert to_parameters(given, input_of("ecs", "RunTask"), dialect) == {"cluster": "c", "taskDefinition": "t"}
        return
    with pytest.raises(ParameterProblems) as refused:
        to_parameters(given, input_of("ecs", "RunTask"), dialect)
    assert refused.value.problems == [f'The field "{spelled}" is not supported by Step Functions']


MOMENT = datetime(2024, 4, 18, 6, 27, 1, 234000, tzinfo=UTC)


def test_times_are_text_for_aws_sdk_and_milliseconds_for_optimised() -> None:
    shape = output_of("ecs", "DescribeTasks")
    answer = {"tasks": [{"taskArn": "a", "createdAt": MOMENT}]}
    assert to_json(answer, shape, SDK) == {"Tasks": [{"CreatedAt": "2024-04-18T06:27:01.234Z", "TaskArn": "a"}]}
    assert to_json(answer, shape, OPTIMISED) == {"Tasks": [{"CreatedAt": 1713421621234, "TaskArn": "a"}]}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05Z"),
        (datetime(2024, 1, 2, 3, 4, 5, 1, tzinfo=UTC), "2024-01-02T03:04:05.000001Z"),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), "2024-01-02T01:04:05Z"),
    ],
)
def test_instants_are_printed_as_java_prints_them(moment: datetime, text: str) -> None:
    assert iso_time(moment) == text


def test_milliseconds_are_rounded() -> None:
    assert epoch_ms(MOMENT) == 1713421621234


def test_a_stream_comes_last_and_the_rest_in_order_of_name() -> None:
    answer = {"Body": b"text", "ETag": '"e"', "AcceptRanges": "bytes", "Metadata": {}, "ContentLength": 4}
    assert list(to_json(answer, output_of("s3", "GetObject"), SDK)) == [
        "AcceptRanges",
        "ContentLength",
        "ETag",
        "Metadata",
        "Body",
    ]


def test_bytes_that_are_no_text_are_shown_in_base64() -> None:
    assert text_or_base64(b"\xff\x00") == "/wA="
    assert text_or_base64("é".encode()) == "é"
