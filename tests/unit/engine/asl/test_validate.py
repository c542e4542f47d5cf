"""What the validator says, text by text and place by place, as the service says it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.asl.diagnostics import InvalidDefinition, invalid_definition_message
from engine.asl.parse import compile_definition
from engine.asl.validate import validate, validate_state
from tests.unit.engine.asl.definitions import (
    FUNCTION,
    alone,
    choice,
    codes,
    distributed,
    errors,
    findings,
    machine,
    map_state,
    parallel,
    task,
)

PASS: dict[str, Any] = {"Type": "Pass", "End": True}
RFC3339 = "String does not match RFC3339 timestamp"
IS_PATH = {"Variable": "$.a", "IsNull": True}


@pytest.mark.parametrize("text", ["", " \n", "[]", "1", "null", '"x"'])
def test_what_is_no_object_has_no_location(text: str) -> None:
    assert codes(findings(text)) == [("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None)]


def test_what_is_no_json_is_located_by_the_parser() -> None:
    place = '[Source: (String)"not a definition"; line: 1, column: 4]'
    message = (
        "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', "
        f"'true' or 'false')\n at {place}"
    )
    assert codes(findings("not a definition")) == [("INVALID_JSON_DESCRIPTION", message, place)]


@pytest.mark.parametrize("levels", [201, 5_000, 200_000])
def test_deep_nesting_is_refused(levels: int) -> None:
    found = findings('{"a":' * levels + "1" + "}" * levels)
    assert [finding.code for finding in found] == ["TOO_DEEPLY_NESTED"]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        pytest.param({}, ("These fields are required: [States, StartAt]", "/"), id="nothing"),
        pytest.param({"States": {"A": PASS}}, ("These fields are required: [StartAt]", "/"), id="no-start"),
        pytest.param({"StartAt": "A"}, ("These fields are required: [States]", "/"), id="no-states"),
        pytest.param({"StartAt": "A", "States": {}}, ("Value cannot be empty", "/States"), id="empty-states"),
        pytest.param({"StartAt": "A", "States": []}, ("Expected value of type [OBJECT]", "/States"), id="states-array"),
        pytest.param(alone(PASS, version="1.0"), ("Field 'version' is not supported", "/"), id="wrong-case-at-top"),
        pytest.param(
            alone(PASS, Version="2.0"), ("Value should be one of the following: [1.0]", "/Version"), id="version"
        ),
        pytest.param(
            alone(PASS, QueryLanguage="foo"),
            ("Value should be one of the following: [JSONPath, JSONata]", "/QueryLanguage"),
            id="language",
        ),
        pytest.param(
            alone(PASS, QueryLanguage=5), ("Expected value of type [STRING]", "/QueryLanguage"), id="language-number"
        ),
        pytest.param(
            alone(parallel({"StartAt": "B"})),
            ("These fields are required: [States]", "/States/S/Branches[0]"),
            id="branch-without-states",
        ),
        pytest.param(
            alone(map_state(ItemProcessor={"States": {"P": PASS}})),
            ("These fields are required: [StartAt]", "/States/S/ItemProcessor"),
            id="processor-without-start",
        ),
        pytest.param(alone(parallel()), ("Value cannot be empty", "/States/S/Branches"), id="no-branches"),
        pytest.param(
            alone({"Type": "No", "End": True}),
            (
                (
                    "The field 'Type' should have one of these values: "
                    "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"
                ),
                "/States/S/Type",
            ),
            id="type",
        ),
        pytest.param(alone({"End": True}), ("These fields are required: [Type]", "/States/S"), id="no-type"),
        pytest.param(
            alone({"Type": "Map", "End": True}),
            ("This object should have only one of the following fields: [ItemProcessor, Iterator]", "/States/S"),
            id="map-without-processor",
        ),
        pytest.param(
            alone({**PASS, "Next": "Z"}),
            ("There should only be one of the following fields: [Next, End]", "/States/S"),
            id="next-and-end",
        ),
        pytest.param(
            alone({"Type": "Wait", "End": True}),
            (
                (
                    "This object should have only one of the following fields: "
                    "[SecondsPath, Seconds, TimestampPath, Timestamp]"
                ),
                "/States/S",
            ),
            id="wait-for-nothing",
        ),
    ],
)
def test_structure(definition: dict[str, Any], expected: tuple[str, str]) -> None:
    assert errors(definition) == [expected]


def test_neither_next_nor_end() -> None:
    definition = machine({"S": {"Type": "Pass"}, "Z": {"Type": "Succeed"}})
    message = "This object should have only one of the following fields: [Next, End]"
    assert errors(definition)[0] == (message, "/States/S")


def test_end_false_beside_next_says_nothing() -> None:
    assert errors(alone({"Type": "Pass", "End": False, "Next": "Z"})) == []


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_iterator_and_item_processor_may_not_name_a_language(language: str) -> None:
    definition = alone(map_state({"QueryLanguage": language}))
    assert errors(definition) == [("Field 'QueryLanguage' is not supported", "/States/S/ItemProcessor")]


def test_a_jsonata_machine_has_no_jsonpath_states() -> None:
    state = {**PASS, "QueryLanguage": "JSONPath", "InputPath": "$.a", "Output": 1}
    message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
    assert errors(alone(state, QueryLanguage="JSONata")) == [(message, "/States/S")]


def test_nested_states_inherit_the_language_of_the_machine_not_of_the_map() -> None:
    state = map_state(QueryLanguage="JSONata", Items="{% $states.input %}")
    state["ItemProcessor"]["States"]["P"]["InputPath"] = "$.a"
    assert errors(alone(state)) == []


@pytest.mark.parametrize("name", ["x" * 81, ""])
def test_a_state_name_has_1_to_80_characters(name: str) -> None:
    found = findings(machine({name: PASS}))
    assert [(finding.code, finding.location) for finding in found] == [("INVALID_STATE_NAME", f"/States/{name}")]
    assert errors(machine({"x" * 80: PASS})) == []


def test_a_long_name_is_refused_in_the_words_of_the_service() -> None:
    name = "x" * 81
    expected = f"Invalid State name: {name} exceeds the 80-character limit allowed by the service"
    assert errors(machine({name: PASS})) == [(expected, f"/States/{name}")]


def test_state_names_are_unique_over_all_levels() -> None:
    definition = machine({"S": parallel(machine({"S": PASS}))})
    expected = [("DUPLICATE_STATE_NAME", "Duplicate State name: S", "/States/S/Branches[0]/States/S")]
    assert codes(findings(definition)) == expected


def test_labels_are_unique_and_short() -> None:
    states = {
        "A": distributed(Label="l", Next="B"),
        "B": distributed(Label="l", Next="C"),
        "C": distributed(Label="x" * 41),
    }
    for index, name in enumerate(("A", "B", "C")):
        processor = states[name]["ItemProcessor"]
        processor["States"] = {f"P{index}": PASS}
        processor["StartAt"] = f"P{index}"
        if name != "C":
            del states[name]["End"]
    found = [(finding.code, finding.location) for finding in findings(machine(states))]
    assert found == [("DUPLICATE_LABEL_NAME", "/States/B/Label"), ("INVALID_LABEL_NAME", "/States/C/Label")]


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("2016-03-14T01:59:00Z", True),
        ("2016-03-14T01:59:00.123456789Z", True),
        ("2016-03-14T01:59:00+02:00", True),
        ("2016-02-29T00:00:00Z", True),
        ("2015-02-29T00:00:00Z", False),
        ("2016-12-05T25:29:29Z", False),
        ("2016-12-05t21:29:29Z", False),
        ("2016-12-05T21:29:29z", False),
        ("2016-12-05 21:29:29Z", False),
        ("2016-12-05T21:29:29", False),
        ("2016-12-05T21:29:29+25:00", False),
        ("", False),
    ],
)
def test_timestamps(text: str, is_right: bool) -> None:
    expected = [] if is_right else [(RFC3339, "/States/S/Timestamp")]
    assert errors(alone({"Type": "Wait", "Timestamp": text, "End": True})) == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("$.a", None),
        ("$$.Execution.Input.a", None),
        ("$name.a", None),
        ("$", None),
        (None, None),
        ("$.a[?(@.b == 1)].c", None),
        ("a.b", "Value must be a valid JSONPath."),
        ("$.a[", "Value must be a valid JSONPath."),
        ("States.UUID()", "Value must be a valid JSONPath."),
        (1, "Expected value of type [STRING]"),
    ],
)
def test_input_path(path: Any, message: str | None) -> None:
    expected = [] if message is None else [(message, "/States/S/InputPath")]
    assert errors(alone({**PASS, "InputPath": path})) == expected


@pytest.mark.parametrize("path", ["$.a[*]", "$..a", "$.a[0:1]", "$.a[?(@.b)]", "$.a['b','c']", "$$.a", "$name"])
def test_result_path_takes_one_place_in_the_input(path: str) -> None:
    assert errors(alone({**PASS, "ResultPath": path})) == [("Value is not a Reference Path", "/States/S/ResultPath")]


@pytest.mark.parametrize(
    ("field", "text", "is_right"),
    [
        ("parsed.$", "States.StringToJson($.a)", True),
        ("parsed.$", "$$.Execution.Id", True),
        ("parsed.$", "States.Nope($.a)", False),
        ("parsed.$", "States.Format('\\x')", False),
        ("parsed.$", "text", False),
        ("parsed.$", 5, False),
        ("parsed", "text", True),
    ],
)
@pytest.mark.parametrize("place", ["Parameters", "ResultSelector", "Assign"])
def test_payload_templates_are_located_at_their_field(place: str, field: str, text: Any, is_right: bool) -> None:
    message = f"The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
    expected = [] if is_right else [(message, f"/States/S/{place}")]
    nested = {"deep": [{"deeper": {field: text}}]}
    assert errors(alone(task(**{place: nested}))) == expected


def test_a_key_with_and_without_the_dollar_is_refused() -> None:
    state = {**PASS, "Parameters": {"a": 1, "a.$": "$.a"}}
    assert errors(alone(state)) == [
        ("There should only be one of the following fields: [a, a.$]", "/States/S/Parameters")
    ]


@pytest.mark.parametrize(
    ("rule", "message", "place"),
    [
        ({}, "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]", ""),
        (
            {**IS_PATH, "And": [IS_PATH]},
            "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]",
            "",
        ),
        ({"And": []}, "Value cannot be empty", "/And"),
        ({"Or": [IS_PATH, {**IS_PATH, "Next": "Z"}]}, "Field 'Next' is not supported", "/Or[1]"),
        ({"Not": {**IS_PATH, "Next": "Z"}}, "Field 'Next' is not supported", "/Not"),
        ({"Not": [IS_PATH]}, "Expected value of type [OBJECT]", "/Not"),
        ({**IS_PATH, "Variable": "States.UUID()"},
         "Value is not a Reference Path: Reference path didn't start with '$'", "/Variable"),
        ({"Variable": "$.a", "StringEqualsPath": "b"},
         "Value is not a Reference Path: Reference path didn't start with '$'", "/StringEqualsPath"),
        ({"Variable": "$.a", "NumericEquals": "1"}, "Expected value of type Number", "/NumericEquals"),
        ({"Variable": "$.a", "TimestampEquals": "now"}, RFC3339, "/TimestampEquals"),
    ],
)  # fmt: skip
def test_choice_rules(rule: dict[str, Any], message: str, place: str) -> None:
    assert (message, f"/States/S/Choices[0]{place}") in errors(alone(choice({**rule, "Next": "Z"})))


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ({"Variable": "$.a"}, "This object should have only one of the following fields: [StringEquals, "),
        ({**IS_PATH, "IsString": True}, "There should only be one of the following fields: [StringEquals, "),
    ],
)
def test_a_rule_has_exactly_one_comparison(rule: dict[str, Any], start: str) -> None:
    [(message, place)] = errors(alone(choice({**rule, "Next": "Z"})))
    assert message.startswith(start)
    assert place == "/States/S/Choices[0]"


def test_a_rule_needs_its_next() -> None:
    assert errors(alone(choice(IS_PATH))) == [("These fields are required: [Next]", "/States/S/Choices[0]")]


def test_an_empty_choice_is_refused() -> None:
    assert errors(alone(choice())) == [("Value cannot be empty", "/States/S/Choices")]


@pytest.mark.parametrize("field", ["Retry", "Catch"])
@pytest.mark.parametrize(
    ("entries", "place"),
    [([["States.ALL", "E"]], "[0]"), ([["States.ALL"], ["E"]], "[0]"), ([["E"], ["States.ALL"]], None)],
)
def test_states_all_stands_alone_and_last(field: str, entries: list[list[str]], place: str | None) -> None:
    more = {"Next": "Z"} if field == "Catch" else {}
    definition = alone(task(**{field: [{"ErrorEquals": names, **more} for names in entries]}))
    message = "States.ALL must appear alone and at end of list"
    expected = [] if place is None else [(message, f"/States/S/{field}{place}/ErrorEquals")]
    assert errors(definition) == expected


def test_retry_and_catch_may_be_empty() -> None:
    assert errors(alone(task(Retry=[], Catch=[]))) == []


@pytest.mark.parametrize("template", ["{% $states.result %}", {"a": ["{% $states.result %}"]}])
def test_jsonata_is_checked_wherever_it_stands(template: Any) -> None:
    state = {**PASS, "Output": json.loads(json.dumps(template).replace("$states.result", "1 +"))}
    [finding] = findings(alone(state, QueryLanguage="JSONata"))
    place = "" if isinstance(template, str) else "/a[0]"
    assert (finding.code, finding.location) == ("INVALID_JSONATA_EXPRESSION", f"/States/S/Output{place}")


def test_the_message_joins_all_errors_and_prints_null_for_no_place() -> None:
    definition = machine({"A": {"Type": "Pass", "Next": "NOPE"}})
    assert invalid_definition_message(validate(json.dumps(definition))) == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next, "
        "MISSING_END_STATE: Workflow has no terminal state at null'"
    )


def test_warnings_come_after_errors_and_do_not_refuse() -> None:
    state = {**PASS, "Parameters": {"a": "$.b"}, "Comment": 1}
    assert compile_definition(json.dumps(alone(state)))
    spoiled = validate(json.dumps(alone({**state, "Nope": 1})))
    assert [finding.code for finding in spoiled] == ["SCHEMA_VALIDATION_FAILED", "NO_DOLLAR"]


@pytest.mark.parametrize(
    ("state", "code", "place"),
    [
        ({**PASS, "Parameters": {"a": "$.b"}}, "NO_DOLLAR", "/Parameters/a"),
        ({**PASS, "Parameters": {"a": {"b": "States.UUID()"}}}, "NO_DOLLAR", "/Parameters/b"),
        ({**PASS, "Result": {"a": {"b.$": "$.c"}}}, "PASS_RESULT_IS_STATIC", "/Result"),
        ({"Type": "Fail", "Error": "$.e"}, "NO_PATH", "/Error"),
    ],
)
def test_what_looks_like_a_path_is_warned_of(state: dict[str, Any], code: str, place: str) -> None:
    [finding] = findings(alone(state), severity="WARNING")
    assert (finding.code, finding.location) == (code, f"/States/S{place}")


def test_a_lone_state_is_located_below_its_stand_in_name() -> None:
    state = {"Type": "Pass", "Next": "Elsewhere", "Nope": 1}
    [finding] = validate_state(json.dumps(state))
    assert (finding.message, finding.location) == ("Field 'Nope' is not supported", "/States/StateName")


def test_a_lone_state_may_lead_to_anywhere() -> None:
    assert validate_state(json.dumps({"Type": "Task", "Resource": FUNCTION, "Next": "Elsewhere"})) == []


def test_a_refused_definition_carries_its_findings() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        compile_definition('{"StartAt": "A"}')
    assert str(refused.value) == (
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"
    )
    assert [finding.location for finding in refused.value.diagnostics] == ["/"]
