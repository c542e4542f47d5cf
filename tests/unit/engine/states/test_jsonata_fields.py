"""JSONata in the fields of states: what the failures say, and where they say it happened."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.engine.test_trial import trial

ITEM = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
MAP = {"Type": "Map", "Items": [1], "ItemProcessor": ITEM, "End": True}
SEND = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage",
    "Arguments": {"QueueUrl": "q", "MessageBody": "b"},
    "End": True,
}
NOTHING = "The JSONata expression '$nope' specified for the field '{}' returned nothing (undefined)."


def failure_of(state: dict[str, Any]) -> tuple[str, str | None, str | None]:
    verdict = trial({"QueryLanguage": "JSONata", **state}, {"f": 1}).enter()
    assert verdict is not None
    return verdict.status, verdict.error, verdict.cause


def choice(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Choice", "Choices": [{"Next": "A", **rule} for rule in rules], **more}


@pytest.mark.parametrize(
    ("state", "location"),
    [
        ({"Type": "Pass", "Output": "{% $nope %}", "End": True}, "Output"),
        ({"Type": "Pass", "Output": {"v": "{% $nope %}"}, "End": True}, "Output/v"),
        ({"Type": "Pass", "Output": {"a": {"b": [["x", "{% $nope %}"]]}}, "End": True}, "Output/a/b[0][1]"),
        ({"Type": "Pass", "Assign": {"x": {"y": "{% $nope %}"}}, "End": True}, "Assign/x/y"),
        ({"Type": "Succeed", "Output": "{% $nope %}"}, "Output"),
        ({"Type": "Wait", "Seconds": "{% $nope %}", "End": True}, "Seconds"),
        ({"Type": "Wait", "Timestamp": "{% $nope %}", "End": True}, "Timestamp"),
        ({"Type": "Fail", "Error": "{% $nope %}"}, "Error"),
        ({"Type": "Fail", "Error": "E", "Cause": "{% $nope %}"}, "Cause"),
        (choice({"Condition": "{% false %}"}, {"Condition": "{% $nope %}"}), "Choices[1]/Condition"),
        (choice({"Condition": "{% true %}", "Output": {"v": "{% $nope %}"}}), "Choices[0]/Output/v"),
        (choice({"Condition": "{% true %}", "Assign": {"x": "{% $nope %}"}}), "Choices[0]/Assign/x"),
        (choice({"Condition": "{% false %}"}, Default="B", Output={"v": "{% $nope %}"}), "Output/v"),
        ({**MAP, "Items": "{% $nope %}"}, "Items"),
        ({**MAP, "Items": ["{% $nope %}"]}, "Items[0]"),
        ({**MAP, "MaxConcurrency": "{% $nope %}"}, "MaxConcurrency"),
        ({**SEND, "Arguments": "{% $nope %}"}, "Arguments"),
        ({**SEND, "Arguments": {**SEND["Arguments"], "MessageGroupId": "{% $nope %}"}}, "Arguments/MessageGroupId"),
        ({**SEND, "TimeoutSeconds": "{% $nope %}"}, "TimeoutSeconds"),
        ({**SEND, "HeartbeatSeconds": "{% $nope %}"}, "HeartbeatSeconds"),
        ({**SEND, "Credentials": {"RoleArn": "{% $nope %}"}}, "Credentials/RoleArn"),
    ],
)
def test_an_undefined_result_names_its_place(state: dict[str, Any], location: str) -> None:
    assert failure_of(state) == ("FAILED", "States.QueryEvaluationError", NOTHING.format(location))


@pytest.mark.parametrize(
    ("state", "expression", "location", "types", "value"),
    [
        (choice({"Condition": "{% 1 %}"}), "1", "Choices[0]/Condition", ("boolean", "number"), "1"),
        ({"Type": "Wait", "Seconds": "{% 'x' %}", "End": True}, "'x'", "Seconds", ("number", "string"), '"x"'),
        ({"Type": "Wait", "Seconds": "{% 1/0 %}", "End": True}, "1/0", "Seconds", ("number", "string"), '"Infinity"'),
        ({"Type": "Wait", "Timestamp": "{% 5 %}", "End": True}, "5", "Timestamp", ("string", "number"), "5"),
        ({"Type": "Fail", "Error": "{% [1] %}"}, "[1]", "Error", ("string", "array"), "[1]"),
        ({"Type": "Fail", "Cause": "{% null %}"}, "null", "Cause", ("string", "null"), "null"),
        ({**MAP, "Items": "{% {'a': 1} %}"}, "{'a': 1}", "Items", ("array", "object"), '{"a":1}'),
        ({**MAP, "MaxConcurrency": "{% true %}"}, "true", "MaxConcurrency", ("number", "boolean"), "true"),
        ({**SEND, "TimeoutSeconds": "{% 'x' %}"}, "'x'", "TimeoutSeconds", ("number", "string"), '"x"'),
    ],
)
def test_a_result_of_the_wrong_type_is_shown(
    state: dict[str, Any], expression: str, location: str, types: tuple[str, str], value: str
) -> None:
    status, error, cause = failure_of(state)
    assert (status, error) == ("FAILED", "States.QueryEvaluationError")
    assert cause == (
        f"The JSONata expression '{expression}' specified for the field '{location}' returned an unexpected result "
        f"type. Expected '{types[0]}', but was '{types[1]}' for value: {value}"
    )


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (
            {"Type": "Wait", "Seconds": "{% -1 %}", "End": True},
            "The Seconds field must be a non-negative integer but was: -1",
        ),
        (
            {**SEND, "TimeoutSeconds": "{% 0 %}"},
            "The TimeoutSeconds field must be a positive integer but was: 0",
        ),
        (
            {**SEND, "HeartbeatSeconds": "{% 1.5 %}"},
            "The HeartbeatSeconds field must be a positive integer but was: 1.5",
        ),
        (
            {**MAP, "Items": "{% $sum %}"},
            "The JSONata expression '$sum' specified for the field 'Items' returned an unsupported result type.",
        ),
    ],
)
def test_a_value_that_the_field_does_not_take_is_an_evaluation_error(state: dict[str, Any], cause: str) -> None:
    assert failure_of(state) == ("FAILED", "States.QueryEvaluationError", cause)


def test_a_choice_looks_no_further_than_the_first_rule_that_matches() -> None:
    assert failure_of(choice({"Condition": "{% true %}"}, {"Condition": "{% $nope %}"})) == ("SUCCEEDED", None, None)


def test_output_sees_the_variables_as_they_were_on_entry() -> None:
    state = {"Type": "Pass", "Assign": {"x": 1}, "Output": "{% $x %}", "End": True}
    assert failure_of(state)[2] == (
        "The JSONata expression '$x' specified for the field 'Output' returned nothing (undefined)."
    )
