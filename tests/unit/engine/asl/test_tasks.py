"""Task resources, their parameters and credentials, and what Express machines refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from engine.asl.model import MachineType, Resource
from engine.asl.resource import REQUIRED_PARAMETERS, SERVICES, ResourceError, parse_resource
from engine.asl.validate import validate
from tests.unit.engine.asl.definitions import FUNCTION, alone, distributed, errors, map_state, task

ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:a"
SFN = "arn:aws:states:::"


def unknown(arn: str) -> str:
    return (
        f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, "
        "or the resource is not available in this region."
    )


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (FUNCTION, Resource(FUNCTION, "lambda")),
        (f"{FUNCTION}:$LATEST", Resource(f"{FUNCTION}:$LATEST", "lambda")),
        (ACTIVITY, Resource(ACTIVITY, "activity")),
        (f"{SFN}lambda:invoke", Resource(f"{SFN}lambda:invoke", "service", "lambda", "invoke", "invoke")),
        (
            f"{SFN}sqs:sendMessage.waitForTaskToken",
            Resource(
                f"{SFN}sqs:sendMessage.waitForTaskToken",
                "service",
                "sqs",
                "sendMessage.waitForTaskToken",
                "sendMessage",
                "wait_for_task_token",
            ),
        ),
        (
            f"{SFN}states:startExecution.sync:2",
            Resource(
                f"{SFN}states:startExecution.sync:2",
                "service",
                "states",
                "startExecution.sync:2",
                "startExecution",
                "sync:2",
            ),
        ),
        (
            f"{SFN}aws-sdk:s3:listBuckets",
            Resource(f"{SFN}aws-sdk:s3:listBuckets", "service", "aws-sdk:s3", "listBuckets", "listBuckets"),
        ),
    ],
)
def test_resources(arn: str, expected: Resource) -> None:
    assert parse_resource(arn) == expected


@pytest.mark.parametrize("service", SERVICES)
def test_every_optimized_action_is_known_in_its_patterns_and_no_other(service: str) -> None:
    suffixes = {
        "sync": ".sync",
        "sync:2": ".sync:2",
        "wait_for_task_token": ".waitForTaskToken",
        "request_response": "",
    }
    for action, patterns in SERVICES[service].items():
        for pattern, suffix in suffixes.items():
            arn = f"{SFN}{service}:{action}{suffix}"
            if pattern in patterns:
                assert parse_resource(arn).pattern == pattern
            else:
                with pytest.raises(ResourceError, match="is not recognized"):
                    parse_resource(arn)


@pytest.mark.parametrize(
    "arn",
    [
        f"{SFN}dynamodb:query",
        f"{SFN}nope:invoke",
        f"{SFN}lambda:invoke.sync",
        f"{SFN}glue:startJobRun.waitForTaskToken",
        f"{SFN}ecs:runTask.sync:2",
        f"{SFN}lambda:invoke.waitForTaskToken2",
        f"{SFN}aws-sdk:s3:listBuckets.sync",
        f"{SFN}aws-sdk:s3:ListBuckets",
        "arn:aws:sqs:us-east-1:000000000000:queue",
        "arn:aws:lambda:us-east-1:000000000000:layer:l",
    ],
)
def test_what_the_service_lacks_is_not_recognized(arn: str) -> None:
    state = {"Type": "Task", "Resource": arn, "Parameters": {}, "End": True}
    assert errors(alone(state)) == [(unknown(arn), "/States/S/Resource")]


@pytest.mark.parametrize("text", ["f", "", "arn:", "arn:aws:lambda", "{% $states.input.arn %}"])
def test_what_is_no_arn(text: str) -> None:
    assert errors(alone(task(Resource=text))) == [("Value is not a valid resource ARN", "/States/S/Resource")]


class Known:
    """What is known of an action: members that are required, and some that it does not take."""

    def __init__(self, required: Sequence[str] = (), unknown: Sequence[str] = ()) -> None:
        self.required = required
        self._unknown = unknown

    def unsupported(self, parameters: Mapping[str, Any], pattern: str, *, paths: bool) -> Sequence[str]:
        return [name for name in self._unknown if name in parameters]


def test_the_table_of_the_sdk_decides_when_it_is_handed_in() -> None:
    arn = f"{SFN}aws-sdk:s3:fly"
    assert parse_resource(arn).api_action == "fly"
    with pytest.raises(ResourceError, match="is not recognized"):
        parse_resource(arn, lambda service, action: Known() if action == "listBuckets" else None)


def test_the_table_of_the_sdk_says_what_is_required() -> None:
    state = task(Resource=f"{SFN}aws-sdk:s3:getObject", Parameters={"Bucket.$": "$.b"})
    found = validate(json.dumps(alone(state)), known_api=lambda service, action: Known(("Bucket", "Key")))
    assert [one.message for one in found] == ["The field 'Key' is required but was missing"]


@pytest.mark.parametrize(("language", "field"), [("JSONPath", "Parameters"), ("JSONata", "Arguments")])
def test_members_that_the_api_does_not_take_are_named_at_the_parameters(language: str, field: str) -> None:
    given = {"QueueUrl": "u", "MessageBody": "m", "Body": "m"}
    machine = alone(task(Resource=f"{SFN}sqs:sendMessage", **{field: given}), QueryLanguage=language)
    found = validate(json.dumps(machine), known_api=lambda service, action: Known((), ("Body",)))
    expected = ('The field "Body" is not supported by Step Functions', f"/States/S/{field}")
    assert [(one.message, one.location) for one in found] == [expected]


@pytest.mark.parametrize(("language", "field"), [("JSONPath", "Parameters"), ("JSONata", "Arguments")])
def test_a_service_needs_parameters(language: str, field: str) -> None:
    arn = f"{SFN}aws-sdk:s3:listBuckets"
    expected = [(f"{field} field is required for resource ARN: {arn}", "/States/S/Resource")]
    assert errors(alone(task(Resource=arn), QueryLanguage=language)) == expected
    assert errors(alone(task(Resource=arn, **{field: {}}), QueryLanguage=language)) == []


@pytest.mark.parametrize("call", REQUIRED_PARAMETERS)
def test_required_parameters(call: str) -> None:
    names = REQUIRED_PARAMETERS[call]
    state = task(Resource=SFN + call, Parameters={})
    place = "/States/S/Parameters"
    assert errors(alone(state)) == [(f"The field '{name}' is required but was missing", place) for name in names]
    state["Parameters"] = {f"{name}.$": "$.a" for name in names}
    assert errors(alone(state)) == []


def test_arguments_from_one_expression_are_not_looked_into() -> None:
    state = task(Resource=f"{SFN}lambda:invoke", Arguments="{% $states.input %}")
    assert errors(alone(state, QueryLanguage="JSONata")) == []


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (ACTIVITY, "Express state machine does not support Activity ARN"),
        (f"{SFN}states:startExecution.sync", "Express state machine does not support '.sync' service integration"),
        (f"{SFN}states:startExecution.sync:2", "Express state machine does not support '.sync' service integration"),
        (
            f"{SFN}states:startExecution.waitForTaskToken",
            "Express state machine does not support '.waitForTaskToken' service integration ",
        ),
        (f"{SFN}states:startExecution", None),
        (FUNCTION, None),
    ],
)
def test_express_machines_wait_for_nothing(resource: str, message: str | None) -> None:
    state = task(Resource=resource)
    if resource.startswith(SFN):
        state["Parameters"] = {"StateMachineArn": "arn"}
    expected = [] if message is None else [(message, "/States/S/Resource")]
    assert errors(alone(state), "EXPRESS") == expected
    assert errors(alone(state), "STANDARD") == []


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        ({}, "The field 'RoleArn' is required but was missing"),
        ({"InvalidField": "invalid"}, "The field 'RoleArn' is required but was missing"),
        ({"RoleArn": "arn"}, None),
        ({"RoleArn.$": "$.a"}, None),
        ("x", "Expected value of type [OBJECT]"),
    ],
)
def test_credentials(credentials: Any, message: str | None) -> None:
    expected = [] if message is None else [(message, "/States/S/Credentials")]
    assert errors(alone(task(Credentials=credentials))) == expected


def test_activities_take_no_credentials() -> None:
    state = task(Resource=ACTIVITY, Credentials={"RoleArn": "arn"})
    expected = [("The field 'Credentials' is not supported for activities", "/States/S/Credentials")]
    assert errors(alone(state)) == expected


@pytest.mark.parametrize(
    ("config", "machine_type", "expected"),
    [
        ({"Mode": "DISTRIBUTED"}, "STANDARD", ("These fields are required: [ExecutionType]", "")),
        ({"Mode": "INLINE", "ExecutionType": "STANDARD"}, "STANDARD", ("Field 'ExecutionType' is not supported", "")),
        ({"ExecutionType": "STANDARD"}, "STANDARD", ("Field 'ExecutionType' is not supported", "")),
        (
            {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "EXPRESS",
            ("The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines", "/Mode"),
        ),
    ],
)
def test_processor_config(config: dict[str, str], machine_type: MachineType, expected: tuple[str, str]) -> None:
    place = "/States/S/ItemProcessor/ProcessorConfig"
    definition = alone(map_state({"ProcessorConfig": config}))
    assert errors(definition, machine_type) == [(expected[0], place + expected[1])]


def test_express_children_of_a_distributed_map_are_express() -> None:
    state = distributed()
    state["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = "EXPRESS"
    state["ItemProcessor"]["States"]["P"] = task(Resource=ACTIVITY)
    place = "/States/S/ItemProcessor/States/P/Resource"
    assert errors(alone(state)) == [("Express state machine does not support Activity ARN", place)]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"InputType": "CSV"}, "The field 'CSVHeaderLocation' is required"),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}, "These fields are required: [CSVHeaders]"),
        ({"InputType": "JSON", "CSVHeaderLocation": "FIRST_ROW"}, "Field 'CSVHeaderLocation' is not supported"),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"]}, None),
        ({"InputType": "JSON", "MaxItems": 0}, None),
    ],
)
def test_reader_config(config: dict[str, Any], message: str | None) -> None:
    reader = {"Resource": f"{SFN}s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}, "ReaderConfig": config}
    expected = [] if message is None else [(message, "/States/S/ItemReader/ReaderConfig")]
    assert errors(alone(distributed(ItemReader=reader))) == expected


@pytest.mark.parametrize("field", ["ItemReader", "ResultWriter"])
def test_readers_and_writers_have_their_own_resources(field: str) -> None:
    state = distributed(**{field: {"Resource": f"{SFN}lambda:invoke"}})
    expected = [("The field 'Resource' does not match any of the allowed values", f"/States/S/{field}/Resource")]
    assert errors(alone(state)) == expected


def test_an_empty_result_writer_passes() -> None:
    assert errors(alone(distributed(ResultWriter={}))) == []
