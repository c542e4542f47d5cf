"""Every row of the language's table: accepted where it stands, refused elsewhere, in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest

from engine.asl.model import QueryLanguage
from engine.asl.rules import BY_OWNER, EXCLUSIVES, FIELDS, OPERATORS, OWNERS, STATE_TYPES, Field, Kind
from tests.unit.engine.asl.definitions import (
    Found,
    alone,
    choice,
    distributed,
    errors,
    machine,
    map_state,
    parallel,
    task,
)

END: dict[str, Any] = {"End": True}
GOOD: dict[Kind, Any] = {
    Kind.TEXT: "x",
    Kind.ANY: {"any": 1},
    Kind.BOOLEAN: True,
    Kind.INTEGER: 2,
    Kind.NUMBER: 2.5,
    Kind.PATH: "$.a",
    Kind.REFERENCE_PATH: "$.a",
    Kind.ITEMS_PATH: "$$.Execution.Input.a",
    Kind.NUMBER_PATH: "$.a",
    Kind.TEXT_PATH: "States.Format('{}', $.a)",
    Kind.TEMPLATE: {"a": 1},
    Kind.CREDENTIALS: {"RoleArn": "arn:aws:iam::000000000000:role/r"},
    Kind.ARRAY_OR_EXPRESSION: [1],
    Kind.TRUTH_OR_EXPRESSION: True,
    Kind.TEXT_OR_EXPRESSION: "x",
    Kind.TIMESTAMP: "2030-01-01T00:00:00Z",
    Kind.STATE_NAME: "Z",
    Kind.ERROR_NAMES: ["States.ALL"],
    Kind.TEXTS: ["a"],
    Kind.LABEL: "label",
    Kind.VARIABLES: {"x": 1},
    Kind.RULE: {"Variable": "$.a", "IsNull": True},
    Kind.RULES: [{"Variable": "$.a", "IsNull": True}],
}
OBJECTS: dict[str, Any] = {
    "Retrier": {"ErrorEquals": ["E"]},
    "Catcher": {"ErrorEquals": ["E"], "Next": "Z"},
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject"},
    "ReaderConfig": {"InputType": "JSON"},
    "ItemBatcher": {"MaxItemsPerBatch": 1},
    "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject"},
    "WriterConfig": {"OutputType": "JSON"},
    "ProcessorConfig": {"Mode": "INLINE"},
}
BAD: dict[Kind, tuple[Any, str]] = {
    Kind.TEXT: (5, "Expected value of type [STRING]"),
    Kind.BOOLEAN: ("true", "Expected value of type [BOOLEAN]"),
    Kind.INTEGER: ("2", "Expected value of type Integer"),
    Kind.NUMBER: ("2", "Expected value of type Number"),
    Kind.PATH: ("a", "Value must be a valid JSONPath."),
    Kind.REFERENCE_PATH: ("$.a[*]", "Value is not a Reference Path"),
    Kind.ITEMS_PATH: ("a", "Value is not a Reference Path: Reference path didn't start with '$'"),
    Kind.NUMBER_PATH: ("$$.Execution.Input.a", "Value is not a Reference Path"),
    Kind.TEXT_OR_EXPRESSION: (5, "Expected value of type [STRING]"),
    Kind.TIMESTAMP: ("2030-01-01", "String does not match RFC3339 timestamp"),
    Kind.ERROR_NAMES: ([], "Value cannot be empty"),
    Kind.TEXTS: ("a", "Expected value of type [ARRAY]"),
    Kind.ARRAY_OR_EXPRESSION: (5, "Expected value of type [ARRAY]"),
    Kind.TRUTH_OR_EXPRESSION: (5, "Expected value of type [BOOLEAN]"),
    Kind.VARIABLES: ([], "Expected value of type [OBJECT]"),
    Kind.OBJECT: (5, "Expected value of type [OBJECT]"),
    Kind.OBJECTS: ({}, "Expected value of type [ARRAY]"),
    Kind.RULES: ([], "Value cannot be empty"),
    Kind.CREDENTIALS: (5, "Expected value of type [OBJECT]"),
}
INCOMPLETE = {Kind.STATES, Kind.MACHINE, Kind.MACHINES, Kind.RESOURCE}
"""Kinds whose rows have tests of their own."""


def state_of(kind: str, language: QueryLanguage) -> dict[str, Any]:
    """The smallest state of a type."""
    rule = {"Variable": "$.a", "IsNull": True, "Next": "Z"} if language == "JSONPath" else {
        "Condition": True, "Next": "Z"}  # fmt: skip
    return {
        "Task": task(),
        "Wait": {"Type": "Wait", "Seconds": 1, **END},
        "Pass": {"Type": "Pass", **END},
        "Succeed": {"Type": "Succeed"},
        "Fail": {"Type": "Fail"},
        "Choice": choice(rule),
        "Parallel": parallel(machine({"B": {"Type": "Pass", **END}})),
        "Map": distributed(),
    }[kind]


def definition_with(owner: str, change: dict[str, Any], language: QueryLanguage) -> tuple[dict[str, Any], str]:
    """A right definition whose `owner` object has `change` in it, and the location of that object."""
    more: dict[str, Any] = {} if language == "JSONPath" else {"QueryLanguage": "JSONata"}
    if owner == "StateMachine":
        return {**machine({"Z": {"Type": "Succeed"}}, **more), **change}, ""
    if owner in STATE_TYPES:
        return alone(changed(owner, state_of(owner, language), change), **more), "/States/S"
    inner = changed(owner, OBJECTS.get(owner, {}), change)
    match owner:
        case "Branch":
            branch = machine({"Z": {"Type": "Succeed"}}, **change)
            return machine({"S": parallel(branch)}, **more), "/States/S/Branches[0]"
        case "ItemProcessor":
            body = {**map_state()["ItemProcessor"], **change}
            if "StartAt" in change:
                body["States"] = {"Z": {"Type": "Succeed"}}
            return machine({"S": map_state(ItemProcessor=body)}, **more), "/States/S/ItemProcessor"
        case "ProcessorConfig":
            if "Mode" in change or "ExecutionType" in change:
                inner = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD", **change}
            return machine({"S": map_state({owner: inner})}, **more), f"/States/S/ItemProcessor/{owner}"
        case "Retrier":
            return alone(task(Retry=[inner]), **more), "/States/S/Retry[0]"
        case "Catcher":
            return alone(task(Catch=[inner]), **more), "/States/S/Catch[0]"
        case "ItemReader" | "ItemBatcher" | "ResultWriter":
            return alone(distributed(**{owner: inner}), **more), f"/States/S/{owner}"
        case "ReaderConfig":
            if any(name.startswith("CSV") for name in change):
                inner = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", **change}
                inner |= {"CSVHeaders": ["a"]} if inner["CSVHeaderLocation"] == "GIVEN" else {}
            reader = {**OBJECTS["ItemReader"], owner: inner}
            return alone(distributed(ItemReader=reader), **more), f"/States/S/ItemReader/{owner}"
        case "WriterConfig":
            writer = {**OBJECTS["ResultWriter"], owner: inner}
            return alone(distributed(ResultWriter=writer), **more), f"/States/S/ResultWriter/{owner}"
    rule = {"Variable": "$.a", "IsNull": True} if language == "JSONPath" else {"Condition": True}
    if owner == "Operand":
        return alone(choice({"Not": rule_with(rule, change), "Next": "Z"}), **more), "/States/S/Choices[0]/Not"
    return alone(choice(rule_with({**rule, "Next": "Z"}, change)), **more), "/States/S/Choices[0]"


def rule_with(rule: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """A Choice rule after a change: what the new field shuts out goes."""
    out = set()
    if set(change) & set(OPERATORS):
        out = set(OPERATORS)
    elif set(change) & {"And", "Or", "Not"}:
        out = {"Variable", *OPERATORS}
    return {**{name: value for name, value in rule.items() if name not in out}, **change}


def changed(owner: str, value: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """An object after a change: what the new field shuts out goes."""
    out = {
        other for rule in EXCLUSIVES if owner in rule.owners and set(rule.fields) & set(change) for other in rule.fields
    }
    if owner == "Map" and "Iterator" in change:
        out.add("ItemProcessor")
    return {**{name: content for name, content in value.items() if name not in out}, **change}


def good_value(row: Field, owner: str) -> Any:
    """A value that the row accepts."""
    if row.name == "Type":
        return owner
    if row.kind is Kind.OPTION:
        return row.options[0 if row.name == "QueryLanguage" else -1]
    if row.kind is Kind.OBJECT:
        return OBJECTS[row.of]
    if row.kind is Kind.OBJECTS:
        return [OBJECTS[row.of]]
    if row.kind is Kind.RULES and row.of == "ChoiceRule":
        return [{"Variable": "$.a", "IsNull": True, "Next": "Z"}]
    if row.name == "End":
        return True
    return GOOD[row.kind]


def rows(*without: Kind) -> list[Any]:
    """Every row for each of its owners."""
    return [
        pytest.param(owner, row, id=f"{owner}-{row.name}")
        for row in FIELDS
        for owner in row.owners
        if row.kind not in without
    ]


def language_of(row: Field) -> QueryLanguage:
    return row.language or "JSONPath"


@pytest.mark.parametrize(("owner", "row"), rows(*INCOMPLETE))
def test_a_field_is_accepted_where_the_table_has_it(owner: str, row: Field) -> None:
    definition, _ = definition_with(owner, {row.name: good_value(row, owner)}, language_of(row))
    assert errors(definition) == []


@pytest.mark.parametrize(("owner", "row"), [case for case in rows(*INCOMPLETE) if case.values[1].language])
def test_a_field_of_the_other_language_is_refused_at_its_object(owner: str, row: Field) -> None:
    other: QueryLanguage = "JSONata" if row.language == "JSONPath" else "JSONPath"
    definition, place = definition_with(owner, {row.name: good_value(row, owner)}, other)
    expected = (
        f"The QueryLanguage is set to '{other}', but field '{row.name}' "
        f"is only supported for the '{row.language}' QueryLanguage"
    )
    if owner == "Operand" and other == "JSONata":
        return  # And, Or and Not themselves are not there
    assert (expected, place) in errors(definition)


@pytest.mark.parametrize(("owner", "row"), [case for case in rows() if case.values[1].kind in BAD])
def test_a_value_of_another_kind_is_refused_at_the_field(owner: str, row: Field) -> None:
    value, message = BAD[row.kind]
    definition, place = definition_with(owner, {row.name: value}, language_of(row))
    assert (message, f"{place}/{row.name}") in errors(definition)


@pytest.mark.parametrize(
    ("owner", "row"), [case for case in rows() if case.values[1].kind is Kind.OPTION and case.values[1].name != "Type"]
)
def test_an_option_outside_the_list_is_refused(owner: str, row: Field) -> None:
    definition, place = definition_with(owner, {row.name: "OTHER"}, language_of(row))
    expected = f"Value should be one of the following: [{', '.join(row.options)}]"
    assert (expected, f"{place}/{row.name}") in errors(definition)


@pytest.mark.parametrize(("owner", "row"), [case for case in rows() if case.values[1].minimum is not None])
def test_a_number_below_its_minimum_is_refused(owner: str, row: Field) -> None:
    assert row.minimum is not None
    assert _number_errors(owner, row, row.minimum) == []
    shown = int(row.minimum) if row.kind is Kind.INTEGER else float(row.minimum)
    assert [message for message, _ in _number_errors(owner, row, row.minimum - 1)] == [f"Minimum value is {shown}"]


@pytest.mark.parametrize(("owner", "row"), [case for case in rows() if case.values[1].maximum is not None])
def test_a_number_above_its_maximum_is_refused(owner: str, row: Field) -> None:
    assert row.maximum is not None
    assert _number_errors(owner, row, row.maximum) == []
    shown = int(row.maximum) if row.kind is Kind.INTEGER else float(row.maximum)
    assert [message for message, _ in _number_errors(owner, row, row.maximum + 1)] == [f"Maximum value is {shown}"]


def _number_errors(owner: str, row: Field, value: float) -> list[Found]:
    definition, place = definition_with(owner, {row.name: value}, "JSONPath")
    found = errors(definition)
    assert all(location == f"{place}/{row.name}" for _, location in found)
    return found


@pytest.mark.parametrize(("owner", "row"), [case for case in rows() if case.values[1].expression])
def test_an_expression_may_stand_for_the_value_in_jsonata_only(owner: str, row: Field) -> None:
    change = {row.name: "{% $states.input.a %}"}
    assert errors(definition_with(owner, change, "JSONata")[0]) == []
    if row.kind is not Kind.TEXT_OR_EXPRESSION:
        assert errors(definition_with(owner, change, "JSONPath")[0]) != []


@pytest.mark.parametrize(("owner", "row"), [case for case in rows() if case.values[1].expression])
def test_half_an_expression_is_refused(owner: str, row: Field) -> None:
    definition, place = definition_with(owner, {row.name: "{% 1"}, "JSONata")
    assert errors(definition) == [("JSONata string must start with {% and end with %}", f"{place}/{row.name}")]


@pytest.mark.parametrize("rule", EXCLUSIVES, ids=lambda rule: "-".join(rule.fields))
def test_two_fields_that_exclude_each_other_are_refused_at_their_object(rule: Any) -> None:
    owner = rule.owners[0]
    values = {name: _value_beside(owner, name) for name in rule.fields[:2]}
    definition, place = definition_with(owner, values, "JSONPath")
    assert (f"There should only be one of the following fields: [{', '.join(rule.fields)}]", place) in errors(
        definition
    )


def _value_beside(owner: str, name: str) -> Any:
    if name in ("ItemProcessor", "Iterator"):
        return map_state()["ItemProcessor"]
    return good_value(BY_OWNER[owner][name], owner)


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("field", ["Unknown", "comment", "next"])
def test_a_field_that_no_row_has_is_refused(owner: str, field: str) -> None:
    definition, place = definition_with(owner, {field: "x"}, "JSONPath")
    assert (f"Field '{field}' is not supported", place or "/") in errors(definition)


@pytest.mark.parametrize("kind", STATE_TYPES)
def test_a_field_of_another_state_type_is_refused_at_the_state(kind: str) -> None:
    names = {row.name for row in FIELDS if set(row.owners) & set(STATE_TYPES)} - set(BY_OWNER[kind])
    state = {**state_of(kind, "JSONPath"), **dict.fromkeys(names, 1)}
    found = {message for message, location in errors(alone(state)) if location == "/States/S"}
    assert {f"Field '{name}' is not supported" for name in names} <= found
