"""Everything that definitions name resolves, everything else is refused in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engine.asl.resource import SERVICES
from services.integrations.catalogue import endpoint_of, optimised_actions, required_parameters, resolvable
from services.integrations.endpoints import Endpoints, is_aws
from services.integrations.registry import TABLE
from tests.fixtures.shared import WORKFLOWS
from tests.unit.services.integrations.calls import resource

PREFIX = "arn:aws:states:::"


@pytest.mark.parametrize(
    "name",
    [
        "lambda:invoke",
        "lambda:invoke.waitForTaskToken",
        "sqs:sendMessage.waitForTaskToken",
        "states:startExecution.sync:2",
        "ecs:runTask.sync",
        "ecs:runTask.waitForTaskToken",
        "batch:submitJob.sync",
        "http:invoke",
        "eks:runJob.sync",
        "bedrock:invokeModel",
        "bedrock:createModelCustomizationJob.sync",
        "elasticmapreduce:addStep.sync",
        "emr-serverless:startJobRun.sync",
        "aws-sdk:s3:getObject",
        "aws-sdk:dynamodb:putItem.waitForTaskToken",
        "aws-sdk:rds:describeDBInstances",
    ],
)
def test_what_exists_resolves(name: str) -> None:
    assert resolvable(resource(PREFIX + name)) is True


@pytest.mark.parametrize(
    "name",
    [
        "lambda:invoke.sync",
        "sns:publish.sync",
        "sqs:sendMessage.sync",
        "dynamodb:query",
        "dynamodb:putItem.sync",
        "dynamodb:putItem.waitForTaskToken",
        "events:putEvents.sync",
        "apigateway:invoke.sync",
        "athena:getQueryResults.sync",
        "athena:startQueryExecution.waitForTaskToken",
        "batch:submitJob.waitForTaskToken",
        "glue:startJobRun.sync:2",
        "http:invoke.waitForTaskToken",
        "nosuch:action",
        "aws-sdk:s3:getObject.sync",
        "aws-sdk:s3:GetObject",
        "aws-sdk:s3:nope",
        "aws-sdk:nope:getObject",
        "aws-sdk:sts:assumeRole",
        "aws-sdk:s3:selectObjectContent",
        "aws-sdk:kinesis:subscribeToShard",
        "aws-sdk:lambda:invokeAsync",
        "aws-sdk:bedrockruntime:invokeModelWithResponseStream",
        "emr-containers:createVirtualCluster.sync",
    ],
)
def test_what_does_not_exist_is_refused(name: str) -> None:
    assert resolvable(resource(PREFIX + name)) == (
        f"The resource provided {PREFIX}{name} is not recognized. The value is not a valid resource ARN, or the "
        "resource is not available in this region."
    )


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("lambda:invoke", ["FunctionName"]),
        ("sqs:sendMessage", ["QueueUrl", "MessageBody"]),
        ("sns:publish", ["Message"]),
        ("dynamodb:putItem", ["TableName", "Item"]),
        ("dynamodb:getItem", ["TableName", "Key"]),
        ("states:startExecution", ["StateMachineArn"]),
        ("events:putEvents", ["Entries"]),
        ("ecs:runTask", ["TaskDefinition"]),
        ("glue:startJobRun", ["JobName"]),
        ("elasticmapreduce:addStep", ["ClusterId", "Step"]),
        ("aws-sdk:s3:putObject", ["Bucket", "Key"]),
        ("aws-sdk:rds:deleteDBInstance", ["DbInstanceIdentifier"]),
    ],
)
def test_required_parameters_are_those_that_aws_asks_for(name: str, required: list[str]) -> None:
    assert required_parameters(resource(PREFIX + name)) == required


def test_every_optimised_action_is_in_the_catalogue() -> None:
    listed = list(optimised_actions())
    assert len(listed) == sum(len(row.actions) for row in TABLE.values())
    assert all("request_response" in action.patterns for action in listed)


def test_endpoints_are_the_operators() -> None:
    endpoints = Endpoints(
        {
            "AWS_ENDPOINT_URL": "http://all",
            "AWS_ENDPOINT_URL_DYNAMODB": "http://table",
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://logs",
        }
    )
    assert endpoint_of(resource(PREFIX + "dynamodb:putItem"), endpoints) == "http://table"
    assert endpoint_of(resource(PREFIX + "aws-sdk:cloudwatchlogs:putLogEvents"), endpoints) == "http://logs"
    assert endpoint_of(resource(PREFIX + "sqs:sendMessage"), endpoints) == "http://all"
    assert endpoint_of(resource(PREFIX + "sqs:sendMessage"), Endpoints({})) == "AWS"
    assert endpoint_of(resource(PREFIX + "states:startExecution"), endpoints) == "Stepwell"


@pytest.mark.parametrize(
    ("url", "aws"),
    [
        (None, True),
        ("https://sqs.eu-central-1.amazonaws.com", True),
        ("https://vpce-1.s3.eu-west-1.vpce.amazonaws.com", True),
        ("https://dynamodb.cn-north-1.amazonaws.com.cn", True),
        ("https://lambda.us-east-1.api.aws", True),
        ("http://127.0.0.1:5055", False),
        ("https://amazonaws.com.evil.example", False),
        ("https://notamazonaws.com", False),
    ],
)
def test_the_real_aws_is_told_from_stand_ins(url: str | None, aws: bool) -> None:
    assert is_aws(url) is aws


def task_resources(value: Any) -> Iterator[str]:
    """Resources of Task states at every depth."""
    if isinstance(value, dict):
        if value.get("Type") == "Task" and isinstance(value.get("Resource"), str):
            yield value["Resource"]
        for inner in value.values():
            yield from task_resources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from task_resources(inner)


@pytest.mark.skipif(not WORKFLOWS.exists(), reason="the published workflows are not at hand")
def test_every_resource_of_the_published_workflows_resolves() -> None:
    found: set[str] = set()
    for file in WORKFLOWS.glob("*.asl.json"):
        found.update(task_resources(json.loads(file.read_text())))
    services = {arn for arn in found if ":states:" in arn and ":activity:" not in arn}
    assert len(services) > 100
    assert {arn: why for arn in services if (why := resolvable(resource(arn))) is not True} == {}


def test_what_definitions_may_name_is_what_the_registry_runs() -> None:
    accepted = {
        (service, action, pattern)
        for service, actions in SERVICES.items()
        for action, patterns in actions.items()
        for pattern in patterns
    }
    runs = {
        (service, action, pattern)
        for service, row in TABLE.items()
        for action, patterns in row.actions.items()
        for pattern in patterns
    }
    assert accepted == runs
