"""Definitions as CreateStateMachine takes them: what the APIs of their tasks do not take is refused in AWS's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.api.definitions import check_definition
from services.api.errors import ApiError


def definition(resource: str, parameters: dict[str, Any]) -> str:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters, "End": True}
    return json.dumps({"StartAt": "Train Step", "States": {"Train Step": task}})


@pytest.mark.parametrize(
    ("resource", "parameters", "said"),
    [
        (
            "ecs:runTask.sync",
            {"TaskDefinition": "d", "NetworkConfiguration": {"awsVpcConfiguration": {}}},
            'The field "awsVpcConfiguration" is not supported by Step Functions',
        ),
        ("batch:submitJob", {"JobName": "n", "JobQueue": "q"}, "The field 'JobDefinition' is required but was missing"),
        ("aws-sdk:s3:getObject", {"Bucket": "b"}, "The field 'Key' is required but was missing"),
    ],
)
async def test_parameters_that_an_api_does_not_take_are_refused(
    resource: str, parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(ApiError) as refused:
        await check_definition(definition(resource, parameters), "STANDARD")
    assert refused.value.code == "InvalidDefinition"
    text = f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {said} at /States/Train Step/Parameters'"
    assert refused.value.message == text


async def test_what_an_api_takes_is_compiled() -> None:
    text = definition("aws-sdk:s3:getObject", {"Bucket": "b", "Key.$": "$.key"})
    program = await check_definition(text, "STANDARD")
    assert list(program.all_states) == ["Train Step"]
