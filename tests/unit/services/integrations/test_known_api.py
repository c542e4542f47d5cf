"""What definitions may ask of APIs, without keeping their models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.asl.validate import validate
from services.integrations.aws_sdk import operation_of
from services.integrations.known_api import known_api
from services.integrations.sdk_services import SDK_SERVICES, SdkService


@pytest.mark.parametrize(
    ("service", "action", "required"),
    [
        ("s3", "putObject", ("Bucket", "Key")),
        ("dynamodb", "putItem", ("TableName", "Item")),
        ("sfn", "startExecution", ("StateMachineArn",)),
        ("emrserverless", "startJobRun", ("ApplicationId", "ClientToken", "ExecutionRoleArn")),
        ("sqs", "listQueues", ()),
        ("s3", "PutObject", None),
        ("s3", "fly", None),
        ("nosuch", "thing", None),
        ("sts", "assumeRole", None),
        ("s3", "selectObjectContent", None),
    ],
)
def test_what_an_action_of_the_sdk_requires(service: str, action: str, required: tuple[str, ...] | None) -> None:
    known = known_api(f"aws-sdk:{service}", action)
    assert (None if known is None else known.required) == required


@pytest.mark.parametrize(
    ("service", "action", "required"),
    [
        ("dynamodb", "updateItem", ("TableName", "Key")),
        ("batch", "submitJob", ("JobName", "JobQueue", "JobDefinition")),
        ("athena", "startQueryExecution", ("QueryString",)),
        ("athena", "stopQueryExecution", ("QueryExecutionId",)),
        ("codebuild", "startBuild", ("ProjectName",)),
        ("emr-serverless", "startJobRun", ("ApplicationId", "ExecutionRoleArn")),
        ("elasticmapreduce", "addStep", ("ClusterId", "Step")),
        ("apigateway", "invoke", ("ApiEndpoint", "Method")),
        ("eks", "call", ("ClusterName", "CertificateAuthority", "Endpoint", "Method", "Path")),
        ("bedrock", "invokeModel", ("ModelId",)),
        ("sqs", "receiveMessage", None),
        ("nosuch", "thing", None),
    ],
)
def test_what_an_optimised_action_requires(service: str, action: str, required: tuple[str, ...] | None) -> None:
    known = known_api(service, action)
    assert (None if known is None else known.required) == required


def test_a_service_that_the_installed_sdk_lacks_cannot_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = SdkService("tomorrow", "Tomorrow", "tomorrow")
    monkeypatch.setitem(SDK_SERVICES, "tomorrow", unknown)
    assert known_api("aws-sdk:tomorrow", "begin") is None
    assert operation_of(unknown, "begin") is None


def refused(resource: str, field: str, given: dict[str, Any], language: str = "JSONPath") -> list[str]:
    """What is said of members that cannot be used."""
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", field: given, "End": True}
    machine = {"QueryLanguage": language, "StartAt": "T", "States": {"T": task}}
    found = validate(json.dumps(machine), known_api=known_api)
    assert {one.location for one in found} <= {f"/States/T/{field}"}
    return [one.message for one in found]


ECS = {"TaskDefinition": "d", "NetworkConfiguration": {"awsVpcConfiguration": {"Subnets": ["s"]}}}
BATCH = {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"}
SAGEMAKER = {
    "TrainingJobName": "t",
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "RoleArn": "r",
    "OutputDataConfig": {"S3OutputPath": "s"},
    "ResourceConfig": {"VolumeSizeInGB": 1},
    "StoppingCondition": {},
    "Tags": [{"key": "cart", "value": "x"}],
}


@pytest.mark.parametrize(
    ("resource", "given", "names"),
    [
        ("sqs:sendMessage", {"QueueUrl": "u", "MessageBody": "m", "Delay": 1}, ["Delay"]),
        ("sqs:sendMessage", {"QueueUrl": "u", "MessageBody": {"any": {"thing": 1}}}, []),
        ("sns:publish", {"Message": "m", "MessageAttributes": {"any": {"dataType": "String"}}}, ["dataType"]),
        ("lambda:invoke", {"FunctionName": "f", "Payload": {"x": 1}, "TaskToken": "t"}, ["TaskToken"]),
        ("lambda:invoke", {"FunctionName": "f", "TaskToken.$": "$$.Task.Token"}, []),
        ("ecs:runTask.sync", ECS, ["awsVpcConfiguration"]),
        ("ecs:runTask", {"TaskDefinition": "d", "Count": 2, "StartedBy": "me"}, []),
        ("ecs:runTask.sync", {"TaskDefinition": "d", "Count": 2, "StartedBy.$": "$.me"}, ["Count", "StartedBy"]),
        ("ecs:runTask.waitForTaskToken", {"TaskDefinition": "d", "Count": 2}, []),
        ("sagemaker:createTrainingJob.sync", SAGEMAKER, ["key", "value"]),
        ("batch:submitJob.sync", BATCH | {"RetryStrategy": {"attempts": 5}}, []),
        ("states:startExecution", {"StateMachineArn": "a", "input": {}}, ["input"]),
        ("apigateway:invoke", {"ApiEndpoint": "a", "Method": "GET", "Body": 1}, ["Body"]),
        ("http:invoke", {"ApiEndpoint": "a", "Method": "GET", "Body": 1}, ["Body"]),
        ("elasticmapreduce:addStep", {"ClusterId": "c", "Step": {"Name": "s"}}, []),
        ("events:putEvents", {"Entries": [{"Detail": {"a": 1}, "detailType": "t"}]}, ["detailType"]),
        ("dynamodb:getItem", {"TableName": "t", "Key": {"id": {"S.$": "$.id"}}}, []),
        ("dynamodb:getItem", {"TableName": "t", "Key": {"id": {"s": "x"}}}, ["s"]),
        ("aws-sdk:ec2:describeSnapshots", {"Filter": []}, ["Filter"]),
        ("aws-sdk:ec2:describeSnapshots", {"Filters": [{"Name": "n", "values": []}]}, ["values"]),
        ("aws-sdk:batch:submitJob", BATCH | {"RetryStrategy": {"EvaluateOnExit": [{"onReason": "*"}]}}, ["onReason"]),
        ("aws-sdk:rds:deleteDBInstance", {"DbInstanceIdentifier": "x"}, []),
        ("aws-sdk:s3:putObject", {"Bucket": "b", "Key": "k", "Body": {"any": "thing"}}, []),
    ],
)
def test_members_that_an_api_does_not_know_are_refused_at_any_depth(
    resource: str, given: dict[str, Any], names: list[str]
) -> None:
    said = [f'The field "{name}" is not supported by Step Functions' for name in names]
    assert refused(resource, "Parameters", given) == said


def test_in_jsonata_expressions_stand_for_what_they_will_be() -> None:
    given = {"QueueUrl": "u", "MessageBody": "m", "MessageAttributes": "{% $states.input.a %}", "Delay": 1}
    assert refused("sqs:sendMessage", "Arguments", given, "JSONata") == [
        'The field "Delay" is not supported by Step Functions'
    ]
