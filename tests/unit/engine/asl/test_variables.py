"""Variables: what a parent scope has taken, what is possibly not defined, what DescribeStateMachine lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.asl.parse import compile_definition
from tests.unit.engine.asl.definitions import choice, codes, distributed, findings, machine, map_state, parallel, task

PASS: dict[str, Any] = {"Type": "Pass"}
TAKEN = "DUPLICATE_VARIABLE_NAME"


def sets(name: str, **more: Any) -> dict[str, Any]:
    return {**PASS, "Assign": {name: 1}, **more}


def inner(state: dict[str, Any]) -> dict[str, Any]:
    return machine({"I": {**state, "End": True}})


def taken(definition: dict[str, Any]) -> list[str | None]:
    return [finding.location for finding in findings(definition) if finding.code == TAKEN]


def undefined(definition: dict[str, Any]) -> list[tuple[str, str | None]]:
    warnings = findings(definition, severity="WARNING")
    return [(finding.message, finding.location) for finding in warnings if finding.code.startswith("POSSIBLY")]


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("states", "RESERVED_VARIABLE_NAME", "Cannot assign to reserved variable '$states'."),
        ("a b", "INVALID_VARIABLE_NAME", "Invalid variable name 'a b': the variable name contains invalid characters."),
        ("1a", "INVALID_VARIABLE_NAME", "Invalid variable name '1a': the variable name contains invalid characters."),
        ("x" * 81, "INVALID_VARIABLE_NAME", None),
        ("größe_1", None, None),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".$"])
def test_names(name: str, code: str | None, message: str | None, suffix: str) -> None:
    found = findings(machine({"S": {**PASS, "Assign": {name + suffix: "$.a"}, "End": True}}))
    assert [(finding.code, finding.location) for finding in found] == (
        [(code, f"/States/S/Assign/{name}")] if code else []
    )
    assert message is None or found[0].message == message


@pytest.mark.parametrize(
    ("holder", "place"),
    [
        (parallel(inner(sets("x"))), "/States/B/Branches[0]/States/I/Assign/x"),
        (map_state(ItemProcessor=inner(sets("x"))), "/States/B/ItemProcessor/States/I/Assign/x"),
        (parallel(inner(parallel(machine({"J": sets("x", End=True)})))),
         "/States/B/Branches[0]/States/I/Branches[0]/States/J/Assign/x"),
    ],
)  # fmt: skip
def test_a_nested_scope_may_not_set_a_name_that_is_taken(holder: dict[str, Any], place: str) -> None:
    definition = machine({"A": sets("x", Next="B"), "B": holder})
    assert codes(findings(definition)) == [
        (TAKEN, "The variable name 'x' was already defined in a parent scope.", place)
    ]


def test_a_name_that_the_parent_sets_only_afterwards_is_free() -> None:
    holder = parallel(inner(sets("x")), Assign={"x": 2})
    caught = {**holder, "Catch": [{"ErrorEquals": ["E"], "Next": "B", "Assign": {"x": 1}}], "Next": "B"}
    del caught["End"]
    assert taken(machine({"A": holder})) == []
    assert taken(machine({"A": caught, "B": {**PASS, "End": True}})) == []


def test_a_loop_brings_the_name_back() -> None:
    back = choice({"Variable": "$.a", "IsNull": True, "Next": "A"})
    looped = {**parallel(inner(sets("x"))), "Assign": {"x": 2}, "Next": "C"}
    del looped["End"]
    definition = machine({"A": looped, "C": back, "Z": {"Type": "Succeed"}})
    assert taken(definition) == ["/States/A/Branches[0]/States/I/Assign/x"]


def test_a_distributed_map_sees_nothing_of_the_scopes_outside() -> None:
    holder = distributed()
    holder["ItemProcessor"]["States"]["P"]["Assign"] = {"x": 1}
    holder["ItemProcessor"]["States"]["P"]["InputPath"] = "$x"
    definition = machine({"A": sets("x", Next="B"), "B": holder})
    assert taken(definition) == []
    place = "/States/B/ItemProcessor/States/P/InputPath"
    assert undefined(definition) == [("Variable 'x' is possibly not defined.", place)]


def test_branches_side_by_side_may_use_the_same_name() -> None:
    first, second = inner(sets("x")), machine({"J": sets("x", End=True)})
    assert findings(machine({"A": parallel(first, second)})) == []


def test_a_variable_set_on_every_way_is_defined() -> None:
    ways = choice({"Variable": "$.a", "IsNull": True, "Next": "L", "Assign": {"x": 1}}, Default="R")
    reads = {**PASS, "InputPath": "$x", "End": True}
    definition = machine({"C": ways, "L": {**PASS, "Next": "E"}, "R": sets("x", Next="E"), "E": reads})
    assert undefined(definition) == []
    del definition["States"]["R"]["Assign"]
    assert undefined(definition) == [("Variable 'x' is possibly not defined.", "/States/E/InputPath")]


def test_a_variable_is_not_seen_by_the_state_that_sets_it() -> None:
    definition = machine({"S": {**PASS, "Assign": {"x.$": "$x"}, "End": True}})
    assert undefined(definition) == [("Variable 'x' is possibly not defined.", "/States/S/Assign")]


def test_a_nested_scope_reads_the_variables_outside() -> None:
    holder = parallel(inner({**PASS, "InputPath": "$x"}))
    assert undefined(machine({"A": sets("x", Next="B"), "B": holder})) == []


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ({"Type": "Fail", "CausePath": "$causeVar", "ErrorPath": "$errorVar"}, ["causeVar", "errorVar"]),
        ({**PASS, "InputPath": "$a.b", "OutputPath": "$c", "End": True}, ["a", "c"]),
        ({**PASS, "Parameters": {"x.$": "States.MathAdd(States.MathAdd($b, $a), $$.Execution.Input)"}, "End": True},
         ["a", "b"]),
        ({**PASS, "Parameters": {"x": "$a"}, "Result": {"y.$": "$b"}, "End": True}, None),
        ({"Type": "Wait", "SecondsPath": "$s", "End": True}, ["s"]),
        (choice({"Or": [{"Variable": "$v", "StringEqualsPath": "$w"}], "Next": "S"}, Default="S"), ["v", "w"]),
        (distributed(MaxConcurrencyPath="$m", ItemSelector={"i.$": "$n"},
                     ItemReader={"Resource": "arn:aws:states:::s3:getObject",
                                 "ReaderConfig": {"InputType": "JSON", "MaxItemsPath": "$o"}}), ["m", "n", "o"]),
        (task(Catch=[{"ErrorEquals": ["E"], "Next": "S", "Assign": {"x.$": "$p"}}], TimeoutSecondsPath="$q"),
         ["p", "q"]),
        ({**PASS, "QueryLanguage": "JSONata", "Output": {"a": "{% $z & $y %}"}, "End": True}, ["y", "z"]),
    ],
)  # fmt: skip
def test_variable_references(state: dict[str, Any], names: list[str] | None) -> None:
    states = {"S": state}
    if state["Type"] == "Choice":
        states["E"] = {"Type": "Succeed"}
        state["Choices"][0]["Next"] = "E"
    program = compile_definition(json.dumps(machine(states)))
    assert program.variable_references == ({"S": tuple(names)} if names else {})


def test_nested_states_are_listed_under_their_own_names() -> None:
    holder = map_state(ItemProcessor=inner({**PASS, "InputPath": "$x"}))
    program = compile_definition(json.dumps(machine({"A": sets("x", Next="B"), "B": holder})))
    assert program.variable_references == {"I": ("x",)}
