"""What TaskScheduled shows of Parameters, and which of them cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from engine.asl.parse import compile_definition
from engine.asl.resource import REQUIRED_PARAMETERS
from engine.failure import StateError
from engine.payload import Payload, encode_json
from services.integrations.preparation import equip, equip_now

PREFIX = "arn:aws:states:::"


def prepared(name: str, parameters: Any) -> Any:
    """What becomes of Parameters; the definition itself has all that is required."""
    required = dict.fromkeys(REQUIRED_PARAMETERS.get(name.partition(".")[0], ()), "x")
    task = {"Type": "Task", "Resource": PREFIX + name, "Parameters": required, "End": True}
    program = equip_now(compile_definition(encode_json({"StartAt": "T", "States": {"T": task}}).decode()))
    prepare = program.preparers.get(PREFIX + name)
    return parameters if prepare is None else prepare(Payload(parameters)).value


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        (
            "sqs:sendMessage",
            {"QueueUrl": "u", "MessageBody": {"a": 1, "b.$": "$.c"}},
            {"QueueUrl": "u", "MessageBody": {"a": 1, "b.$": "$.c"}},
        ),
        ("ecs:runTask", {"TaskDefinition": "d"}, {"TaskDefinition": "d"}),
        (
            "ecs:runTask.sync",
            {"TaskDefinition": "d", "Overrides": {"Cpu": "1"}},
            {"TaskDefinition": "d", "Overrides": {"Cpu": "1"}, "StartedBy": "AWS Step Functions"},
        ),
        (
            "batch:submitJob.sync",
            {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"},
            {
                "JobName": "n",
                "JobQueue": "q",
                "JobDefinition": "d",
                "ContainerOverrides": {
                    "Environment": [{"Name": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}]
                },
            },
        ),
        (
            "states:startExecution.sync:2",
            {"StateMachineArn": "a", "Input": None},
            {"StateMachineArn": "a", "Input": None},
        ),
        ("dynamodb:putItem", {"TableName": "t", "Item": None}, {"TableName": "t", "Item": None}),
        (
            "emr-serverless:startJobRun.sync",
            {"ApplicationId": "a", "ExecutionRoleArn": "r"},
            {"ApplicationId": "a", "ExecutionRoleArn": "r"},
        ),
        ("sns:publish", {"Message": ["any", {"JSON": 1}]}, {"Message": ["any", {"JSON": 1}]}),
        ("events:putEvents", {"Entries": [{"Detail": {"a": 1}}]}, {"Entries": [{"Detail": {"a": 1}}]}),
        ("aws-sdk:sfn:sendTaskSuccess", {"TaskToken": "t", "Output": {}}, {"TaskToken": "t", "Output": {}}),
        (
            "elasticmapreduce:addStep",
            {"ClusterId": "c", "Step": {"Name": "s"}},
            {"ClusterId": "c", "Step": {"Name": "s"}},
        ),
        (
            "lambda:invoke",
            {"FunctionName": "f", "Payload": {"any": ["thing"]}},
            {"FunctionName": "f", "Payload": {"any": ["thing"]}},
        ),
        ("aws-sdk:s3:listBuckets", {"Prefix": "a"}, {"Prefix": "a"}),
        ("aws-sdk:s3:putObject", {"Bucket": "b", "Key": "k", "Body": 1}, {"Bucket": "b", "Key": "k", "Body": 1}),
    ],
)
def test_what_is_shown(name: str, written: Any, shown: Any) -> None:
    found = prepared(name, written)
    assert found == shown
    assert list(found) == list(shown)
    assert prepared(name, found) == shown, "doing it again changes nothing"


@pytest.mark.parametrize(
    ("name", "written", "problem"),
    [
        (
            "apigateway:invoke",
            {"ApiEndpoint": "a.example", "Method": "GET", "Headers": {"x": "plain"}},
            "The value of the field 'Headers' has an invalid format",
        ),
        ("sqs:sendMessage", {"QueueUrl": "u"}, "The field 'MessageBody' is required but was missing"),
        (
            "sqs:sendMessage",
            {"QueueUrl": "u", "MessageBody": "m", "DelaySeconds": "soon"},
            "The value of the field 'DelaySeconds' has an invalid format",
        ),
        ("dynamodb:getItem", {"TableName": "t", "Key": [1]}, "The value of the field 'Key' has an invalid format"),
        ("elasticmapreduce:addStep", {"ClusterId": "c"}, "The field 'Step' is required but was missing"),
        (
            "http:invoke",
            {
                "ApiEndpoint": "https://a.example",
                "Method": "GET",
                "InvocationConfig": {"ConnectionArn": "arn:c"},
                "Headers": {"Authorization": "x"},
            },
            "The 'Headers' field contains unsupported values: [authorization]",
        ),
        ("states:startExecution", {"Input": {}}, "The field 'StateMachineArn' is required but was missing"),
        ("lambda:invoke", {"Payload": {}}, "The field 'FunctionName' is required but was missing"),
        ("ecs:runTask", ["no object"], "The Parameters must be a JSON object"),
        (
            "dynamodb:putItem",
            {"TableName": "t", "Item": {"policy": {"S": {"name": "DOC"}}}},
            "The value for the field 'S' must be a STRING",
        ),
        (
            "dynamodb:putItem",
            {"TableName": "t", "Item": {"n": {"N": 1}, "s": {"NS": [1, "2"]}}},
            "The value for the field 'N' must be a STRING, The value for the field 'NS' must be a STRING",
        ),
        (
            "ecs:runTask",
            {"TaskDefinition": "d", "Overrides": {"ContainerOverrides": [{"Environment": [{"Value": 1}]}]}},
            "The value for the field 'Value' must be a STRING",
        ),
        (
            "glue:startJobRun",
            {"JobName": "j", "Arguments": {"--count": 1}},
            "The value for the field '--count' must be a STRING",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "u", "MessageBody": "m", "MessageSystemAttribute": {"AWSTraceHeader": "t"}},
            'The field "MessageSystemAttribute" is not supported by Step Functions',
        ),
        (
            "ecs:runTask.sync",
            {"TaskDefinition": "d", "Overrides": {"Nonsense": 1}},
            'The field "Nonsense" is not supported by Step Functions',
        ),
        (
            "states:startExecution",
            {"StateMachineArn": "a", "Nonsense": 1},
            'The field "Nonsense" is not supported by Step Functions',
        ),
        (
            "lambda:invoke.waitForTaskToken",
            {"FunctionName": "f", "TaskToken": "t"},
            'The field "TaskToken" is not supported by Step Functions',
        ),
        ("aws-sdk:s3:listBuckets", {"Nonsense": 1}, 'The field "Nonsense" is not supported by Step Functions'),
        ("aws-sdk:s3:getObject", {"Bucket": "b"}, "The field 'Key' is required but was missing"),
        (
            "aws-sdk:batch:submitJob",
            {"JobName": "n", "JobQueue": "q", "JobDefinition": "d", "RetryStrategy": {"attempts": 1}},
            'The field "attempts" is not supported by Step Functions',
        ),
        (
            "lambda:invoke.waitForTaskToken",
            {"FunctionName": "f", "Payload": {"a": [{"taskToken.$": "AQC"}]}},
            "The value for the field 'taskToken.$' must be a valid JSONPath or a valid intrinsic function call",
        ),
    ],
)
def test_what_cannot_be_used(name: str, written: Any, problem: str) -> None:
    with pytest.raises(StateError) as refused:
        prepared(name, written)
    text = encode_json(written).decode()
    assert refused.value.error == "States.Runtime"
    assert refused.value.cause == f"The Parameters '{text}' could not be used to start the Task: [{problem}]"


async def test_a_program_without_tasks_of_services_stays_as_it_is() -> None:
    program = compile_definition('{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}')
    assert await equip(program) is program
