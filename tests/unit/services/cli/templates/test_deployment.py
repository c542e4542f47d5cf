"""Which calls a template leads to, on a server that remembers them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from services.cli.client import Client, Target
from services.cli.errors import CommandError, ServerError
from services.cli.templates.deployment import Report, Template, deploy
from services.cli.templates.map_file import References, read_map

PLACE = "arn:aws:states:us-east-1:000000000000"
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


class Server:
    """An empty server: describes nothing, creates everything."""

    target = Target("http://nowhere", "us-east-1", "stepwell", "stepwell")

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.published = 0

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        if operation.startswith("List"):
            return {"stateMachines": [], "activities": [], "tags": []}
        if operation.startswith("Describe"):
            raise ServerError(_ABSENT[operation], "")
        self.calls.append((operation, {name: value for name, value in given.items() if value is not None}))
        self.published += operation == "PublishStateMachineVersion"
        kind = {"CreateStateMachine": "stateMachine", "CreateActivity": "activity"}.get(operation, "")
        arn = f"{PLACE}:{kind}:{given.get('name')}"
        machine = given.get("stateMachineArn")
        return {
            "stateMachineArn": arn,
            "activityArn": arn,
            "stateMachineVersionArn": f"{machine}:{self.published}",
        }

    def pages(self, operation: str, key: str, **given: Any) -> Iterator[Any]:
        return iter(())


_ABSENT = {
    "DescribeStateMachine": "StateMachineDoesNotExist",
    "DescribeActivity": "ActivityDoesNotExist",
    "DescribeStateMachineAlias": "ResourceNotFound",
}


def deployed(
    resources: dict[str, Any], references: References | None = None, **document: Any
) -> tuple[Report, list[tuple[str, dict[str, Any]]]]:
    server = Server()
    template = Template({"Resources": resources, **document}, Path("stack.yaml"), {}, references or References())
    report = deploy(cast(Client, server), template)
    return report, server.calls


def machine(**properties: Any) -> dict[str, Any]:
    given = {"RoleArn": "arn:aws:iam::000000000000:role/r", "Definition": PASS} | properties
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": given}


def definition_of(calls: list[tuple[str, dict[str, Any]]]) -> str:
    return str(next(given["definition"] for operation, given in calls if operation == "CreateStateMachine"))


def test_configurations_and_tags_arrive_in_the_apis_shape() -> None:
    group = "arn:aws:logs:us-east-1:000000000000:log-group:g:*"
    _, calls = deployed(
        {
            "M": machine(
                StateMachineName="named",
                StateMachineType="EXPRESS",
                LoggingConfiguration={
                    "Level": "ALL",
                    "IncludeExecutionData": "true",
                    "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": group}}],
                },
                TracingConfiguration={"Enabled": True},
                EncryptionConfiguration={
                    "Type": "CUSTOMER_MANAGED_KMS_KEY",
                    "KmsKeyId": "k",
                    "KmsDataKeyReusePeriodSeconds": "600",
                },
                Tags=[{"Key": "b", "Value": 2}, {"Key": "a", "Value": True}],
            )
        }
    )
    ((operation, given),) = calls
    assert (operation, given["name"], given["type"]) == ("CreateStateMachine", "named", "EXPRESS")
    assert given["loggingConfiguration"] == {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }
    assert given["tracingConfiguration"] == {"enabled": True}
    assert given["encryptionConfiguration"]["kmsDataKeyReusePeriodSeconds"] == 600
    assert given["tags"] == [{"key": "a", "value": "true"}, {"key": "b", "value": "2"}]


@pytest.mark.parametrize(
    ("properties", "part"),
    [
        pytest.param(
            {"DefinitionString": '{"a":"${x}","n":${n}}', "DefinitionSubstitutions": {"x": "v", "n": 5}},
            '{"a":"v","n":5}',
            id="text",
        ),
        pytest.param(
            {"DefinitionString": {"Fn::Join": ["", ['{"a":"', {"Ref": "AWS::Region"}, '"}']]}},
            '{"a":"us-east-1"}',
            id="joined",
        ),
        pytest.param(
            {"Definition": {"a": "${x}-${b}"}, "DefinitionSubstitutions": {"x": True, "b": {"Ref": "AWS::StackName"}}},
            '"a": "true-stack"',
            id="object",
        ),
    ],
)
def test_definitions_come_with_their_substitutions_made(properties: dict[str, Any], part: str) -> None:
    _, calls = deployed({"M": machine(**({"Definition": None} | properties))})
    assert part in definition_of(calls)


def test_a_placeholder_that_nothing_stands_for_is_noted() -> None:
    report, _ = deployed({"M": machine(Definition={"a": "${Left}"})})
    assert report.notes == ["M: nothing stands for ${Left} in its definition"]


def test_versions_and_aliases_are_made_when_they_are_known() -> None:
    """The alias stands first in the file: what it needs is made before it."""
    report, calls = deployed(
        {
            "Live": {
                "Type": "AWS::StepFunctions::StateMachineAlias",
                "Properties": {
                    "Name": "live",
                    "RoutingConfiguration": [{"StateMachineVersionArn": {"Ref": "V"}, "Weight": 100}],
                },
            },
            "V": {
                "Type": "AWS::StepFunctions::StateMachineVersion",
                "Properties": {"StateMachineArn": {"Ref": "M"}, "Description": "d"},
            },
            "M": machine(),
        }
    )
    assert [operation for operation, _ in calls] == [
        "CreateStateMachine",
        "PublishStateMachineVersion",
        "CreateStateMachineAlias",
    ]
    assert [done.arn.removeprefix(PLACE) for done in report.done] == [
        ":stateMachine:M",
        ":stateMachine:M:1",
        ":stateMachine:M:live",
    ]


def test_machines_that_start_one_another_are_no_circle() -> None:
    _, calls = deployed({"A": machine(Definition={"x": {"Ref": "B"}}), "B": machine(Definition={"x": {"Ref": "A"}})})
    assert f"{PLACE}:stateMachine:B" in definition_of(calls)


def test_versions_that_need_one_another_are_a_circle() -> None:
    def version(of: str) -> dict[str, Any]:
        return {"Type": "AWS::StepFunctions::StateMachineVersion", "Properties": {"StateMachineArn": {"Ref": of}}}

    with pytest.raises(CommandError, match="depends on itself"):
        deployed({"M": machine(Definition={"x": {"Ref": "V"}}), "V": version("M")})


@pytest.mark.parametrize(
    ("kind", "name", "reference", "expected"),
    [
        ("AWS::Lambda::Function", {"FunctionName": "f"}, {"Fn::GetAtt": ["R", "Arn"]}, ":function:f"),
        ("AWS::Serverless::Function", {}, {"Ref": "R"}, "R"),
        ("AWS::SQS::Queue", {"QueueName": "q"}, {"Ref": "R"}, "https://sqs.us-east-1.amazonaws.com/000000000000/q"),
        ("AWS::SNS::Topic", {}, {"Ref": "R"}, "arn:aws:sns:us-east-1:000000000000:R"),
        ("AWS::DynamoDB::Table", {"TableName": "t"}, {"Fn::Sub": "${R}/${R.Arn}"}, "t/arn:aws:dynamodb"),
        ("AWS::S3::Bucket", {}, {"Ref": "R"}, '"r"'),
        ("AWS::Lambda::Alias", {"FunctionName": "f", "Name": "blue"}, {"Ref": "R"}, ":function:f:blue"),
        ("AWS::Events::EventBus", {"Name": "bus"}, {"Fn::GetAtt": ["R", "Arn"]}, ":event-bus/bus"),
    ],
)
def test_resources_are_named_as_their_type_is(
    kind: str, name: dict[str, Any], reference: dict[str, Any], expected: str
) -> None:
    _, calls = deployed({"M": machine(Definition={"x": reference}), "R": {"Type": kind, "Properties": name}})
    assert expected in definition_of(calls)


def test_the_map_wins_over_every_guess() -> None:
    references = References({"Q": "http://queue", "T.Arn": "arn:aws:sns:x", "arn:aws:old": "arn:aws:new"})
    tree = {"q": {"Ref": "Q"}, "t": {"Fn::GetAtt": ["T", "Arn"]}, "literal": "arn:aws:old"}
    resources = {"M": machine(Definition=tree), "Q": {"Type": "AWS::SQS::Queue"}, "T": {"Type": "AWS::SNS::Topic"}}
    report, calls = deployed(resources, references)
    for expected in ("http://queue", "arn:aws:sns:x", "arn:aws:new"):
        assert expected in definition_of(calls)
    assert report.assumed == {}


def test_a_function_of_the_map_is_named_and_told() -> None:
    references = References({}, {"F": "handlers.py:f"})
    resources = {
        "M": machine(Definition={"x": {"Fn::GetAtt": ["F", "Arn"]}}),
        "F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "real-name"}},
    }
    report, _ = deployed(resources, references)
    assert (report.functions, report.assumed) == ({"real-name": "handlers.py:f"}, {})


def test_everything_missing_is_listed_with_the_way_to_give_it() -> None:
    resources = {"M": machine(Definition={"p": {"Ref": "Stage"}, "c": {"Fn::GetAtt": ["C", "Arn"]}})}
    resources["C"] = {"Type": "AWS::Events::Connection"}
    with pytest.raises(CommandError) as caught:
        deployed(resources, Parameters={"Stage": {"Type": "String"}})
    assert "Stage  (in M.Definition; give --parameter Stage=VALUE)" in str(caught.value)
    assert 'C.Arn  (in M.Definition; give "C.Arn": in the file given by --map)' in str(caught.value)


def test_a_resource_whose_condition_is_false_is_left_out() -> None:
    resources = {"M": machine(), "N": machine() | {"Condition": "Never"}}
    report, _ = deployed(resources, Conditions={"Never": {"Fn::Equals": ["a", "b"]}})
    assert [done.arn for done in report.done] == [f"{PLACE}:stateMachine:M"]


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        pytest.param({"B": {"Type": "AWS::S3::Bucket"}}, "has no state machine and no activity", id="nothing"),
        pytest.param({"M": machine(Definition=None)}, "M needs one of DefinitionString", id="no-definition"),
        pytest.param({"M": machine(DefinitionString="{}")}, "M needs one of DefinitionString", id="two-definitions"),
        pytest.param({"M": machine(Definition=[])}, "M: Definition must be an object", id="no-object"),
        pytest.param(
            {"M": machine(Definition=None, DefinitionS3Location={"Bucket": "b", "Key": "k"})},
            "its definition is in S3",
            id="s3",
        ),
        pytest.param({"M": machine(Tags="x")}, "Tags must be a list", id="tags"),
    ],
)
def test_what_cannot_be_deployed_is_said(resources: dict[str, Any], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        deployed(resources)


def test_a_map_holds_texts_and_functions(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("F:\n  function: a.py:f\nN: 5\n")
    found = read_map(path)
    assert (found.values, found.functions) == ({"N": "5"}, {"F": "a.py:f"})
    path.write_text("F: [1]")
    with pytest.raises(CommandError, match="'F' must be a text"):
        read_map(path)
