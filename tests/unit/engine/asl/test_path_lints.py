"""Paths that no state can have produced, and paths that only look so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.asl.validate import validate
from tests.fixtures.work import lines_run
from tests.unit.engine.asl.definitions import distributed, machine, task

END: dict[str, Any] = {"End": True}
LITERAL = {"Type": "Pass", "Result": {"a": {"b": 1}}}
INVOKE = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 9}


def lost(*states: dict[str, Any], language: str = "JSONPath", **inner: Any) -> set[tuple[str, str | None]]:
    """The paths that lead nowhere in a chain of states A, B, C ..., with their places below `/States`."""
    names = "ABCDEFG"[: len(states)]
    chained = {
        name: {**state, **({"Next": names[index + 1]} if index + 1 < len(names) else END)}
        for index, (name, state) in enumerate(zip(names, states, strict=True))
    }
    return found({"QueryLanguage": language, **machine({**chained, **inner})})


def found(definition: dict[str, Any]) -> set[tuple[str, str | None]]:
    diagnostics = validate(json.dumps(definition), lints=True)
    assert all(it.severity == "WARNING" for it in diagnostics), diagnostics
    impossible = [it for it in diagnostics if it.code == "STEPWELL_IMPOSSIBLE_PATH"]
    return {(it.message.split("' leads")[0][1:], (it.location or "").removeprefix("/States/")) for it in impossible}


def reads(path: str) -> dict[str, Any]:
    return {"Type": "Pass", "Parameters": {"x.$": path}}


@pytest.mark.parametrize("path", ["$.a.c", "$.c", "$['c']", "$.a.b.c", "States.Format('{}', $.c)", "$.c[0].d"])
def test_a_member_that_a_literal_lacks(path: str) -> None:
    shown = path if path.startswith("$") else "$.c"
    assert lost(LITERAL, reads(path)) == {(shown, "B/Parameters")}


@pytest.mark.parametrize("path", ["$", "$.a", "$.a.b", "$['a']['b']", "$..c", "$.*", "$[?(@.c)]", "$$.Execution.Id",
                                  "$$.Execution.Input.c", "$$.Map.Item.Value.c", "States.UUID()",
                                  "$.a.keys()"])  # fmt: skip
def test_paths_that_may_lead_somewhere(path: str) -> None:
    assert lost(LITERAL, reads(path)) == set()


@pytest.mark.parametrize("path", ["$$.Execution.Nmae", "$$.Foo", "$$.State.Name.x", "$$.Map.Item.Foo"])
def test_what_the_context_object_lacks(path: str) -> None:
    assert lost(reads(path)) == {(path, "A/Parameters")}


@pytest.mark.parametrize(
    ("state", "there", "lacking"),
    [
        ({"ResultPath": "$.new"}, ["$.new.x", "$.a.b"], ["$.old"]),
        ({"ResultPath": "$.a.new"}, ["$.a.new.x", "$.a.b"], ["$.a.old", "$.new"]),
        ({"ResultPath": None}, ["$.a.b"], ["$.new"]),
        ({"ResultSelector": {"r.$": "$.Payload"}}, ["$.r.x"], ["$.a", "$.Payload"]),
        ({"ResultSelector": {"r.$": "$.P"}, "ResultPath": "$.new"}, ["$.new.r.x", "$.a"], ["$.r", "$.new.x"]),
        ({"ResultPath": "$.new", "OutputPath": "$.new"}, ["$.x"], []),
        ({"ResultPath": "$.new", "OutputPath": "$.a"}, ["$.b"], ["$.a", "$.new"]),
        ({}, ["$.x"], []),
    ],
)
def test_result_selector_and_result_path_decide_what_there_is(
    state: dict[str, Any], there: list[str], lacking: list[str]
) -> None:
    call = {**INVOKE, "Parameters": {"FunctionName": "f"}, **state}
    for path in there:
        assert lost(LITERAL, call, reads(path)) == set(), path
    for path in lacking:
        assert lost(LITERAL, call, reads(path)) == {(path, "C/Parameters")}


def test_what_goes_into_a_state_is_not_what_comes_out() -> None:
    call = {**INVOKE, "Parameters": {"FunctionName.$": "$.a.b", "Payload.$": "$.nope"}, "OutputPath": "$.Payload"}
    assert lost(LITERAL, call) == {("$.nope", "B/Parameters")}


def test_an_input_path_narrows_what_the_other_fields_see() -> None:
    state = {"Type": "Pass", "InputPath": "$.a", "Parameters": {"y.$": "$.b", "x.$": "$.a"}, "ResultPath": "$.r"}
    assert lost(LITERAL, state, reads("$.a.b"), reads("$.r")) == {("$.a", "B/Parameters"), ("$.r", "D/Parameters")}


def test_a_member_that_one_of_two_ways_writes_may_be_there() -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "X"}], "Default": "Y"}
    states = {
        "A": {**LITERAL, "Next": "C"},
        "C": choice,
        "X": {"Type": "Pass", "ResultPath": "$.x", "Next": "Z"},
        "Y": {"Type": "Pass", "ResultPath": "$.y", "Next": "Z"},
        "Z": {"Type": "Pass", "Parameters": {"a.$": "$.x", "b.$": "$.y", "c.$": "$.z"}, "End": True},
    }
    assert found(machine(states)) == {("$.z", "Z/Parameters")}


def test_a_loop_is_followed_to_its_end() -> None:
    states = {
        "A": {**LITERAL, "Next": "L"},
        "L": {"Type": "Pass", "Parameters": {"before.$": "$"}, "Next": "C"},
        "C": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.before.a", "IsPresent": True, "Next": "L"}],
            "Default": "Z",
        },
        "Z": {"Type": "Pass", "Parameters": {"x.$": "$.before.before", "y.$": "$.after"}, "End": True},
    }
    assert found(machine(states)) == {("$.after", "Z/Parameters")}


def test_a_catcher_hands_on_the_error() -> None:
    catcher = {"ErrorEquals": ["States.ALL"], "Next": "H"}
    handler = {"Type": "Pass", "Parameters": {"e.$": "$.Error", "c.$": "$.Cause", "a.$": "$.a"}, "End": True}
    assert lost(LITERAL, task(Catch=[catcher]), H=handler) == {("$.a", "H/Parameters")}
    assert lost(LITERAL, task(Catch=[{**catcher, "ResultPath": "$.e"}]), H=handler) == {
        ("$.Error", "H/Parameters"), ("$.Cause", "H/Parameters")}  # fmt: skip


def test_a_choice_may_ask_whether_a_member_is_there() -> None:
    present = {"Variable": "$.c", "IsPresent": True}
    equals = {"Variable": "$.c", "NumericEquals": 1}
    guarded = {"Type": "Choice", "Choices": [{"And": [present, equals], "Next": "Z"}], "Default": "Z"}
    blind = {"Type": "Choice", "Choices": [{**equals, "Next": "Z"}], "Default": "Z"}
    last = {"Z": {"Type": "Succeed"}}
    literal = {**LITERAL, "Next": "C"}
    assert found(machine({"A": literal, "C": guarded, **last})) == set()
    assert found(machine({"A": literal, "C": blind, **last})) == {("$.c", "C/Choices[0]/Variable")}


def inner(path: str) -> dict[str, Any]:
    return {"StartAt": "I", "States": {"I": {**reads(path), "End": True}}}


@pytest.mark.parametrize(
    ("given", "path", "is_lost"),
    [
        ({"ItemSelector": {"v.$": "$$.Map.Item.Value"}}, "$.v.x", False),
        ({"ItemSelector": {"v.$": "$$.Map.Item.Value"}}, "$.x", True),
        ({"Parameters": {"v.$": "$$.Map.Item.Value"}}, "$.x", True),
        ({}, "$.x", False),
        ({"ItemBatcher": {"MaxItemsPerBatch": 2}}, "$.Items[0].x", False),
        ({"ItemBatcher": {"MaxItemsPerBatch": 2}}, "$.x", True),
        ({"ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"x": 1}}}, "$.BatchInput.x", False),
    ],
)
def test_the_iterations_of_a_map_see_what_it_selects(given: dict[str, Any], path: str, is_lost: bool) -> None:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    state = {"Type": "Map", "ItemsPath": "$.a", "ItemProcessor": {**inner(path), **config}, **given}
    place = "B/ItemProcessor/States/I/Parameters"
    assert lost(LITERAL, state) == ({(path, place)} if is_lost else set())


def test_the_items_path_beside_a_reader_need_not_lead_anywhere() -> None:
    reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}
    state = distributed(ItemsPath="$.nowhere")
    assert lost(LITERAL, state) == {("$.nowhere", "B/ItemsPath")}
    assert lost(LITERAL, {**state, "ItemReader": reader}) == set()


def test_the_branches_of_a_parallel_see_its_parameters() -> None:
    other = {"StartAt": "J", "States": {"J": {**reads("$.a"), "End": True}}}
    state = {"Type": "Parallel", "Parameters": {"p.$": "$.a"}, "Branches": [inner("$.p.b"), other]}
    assert lost(LITERAL, state, reads("$[0].x")) == {("$.a", "B/Branches[1]/States/J/Parameters")}


def test_what_a_variable_lacks() -> None:
    sets = {"Type": "Pass", "Assign": {"v": {"x": 1, "y.$": "$.y"}, "w.$": "$.w"}}
    assert lost(sets, reads("$v.z")) == {("$v.z", "B/Parameters")}
    assert lost(sets, reads("$v.x"), reads("$v.y.z"), reads("$w.z")) == set()


def test_jsonata_output_is_followed_and_a_plain_reference_checked() -> None:
    first = {"Type": "Pass", "Output": {"a": 1, "b": "{% $states.input.b %}"}}
    second = {"Type": "Pass", "Output": {"x": "{% $states.input.c %}", "y": "{% $exists($states.input.c) %}",
                                         "z": "{% $states.input.b.c %}"}}  # fmt: skip
    assert lost(first, second, language="JSONata") == {("{% $states.input.c %}", "B/Output/x")}


def test_the_work_for_a_chain_grows_with_its_length() -> None:
    def work(count: int) -> int:
        states = {
            f"S{index}": {**reads("$.x"), "ResultPath": f"$.k{index}", "Next": f"S{index + 1}"}
            for index in range(count)
        }
        states |= {"S0": {**LITERAL, "Next": "S1"}, f"S{count}": {"Type": "Succeed"}}
        text = json.dumps(machine(states))
        return lines_run(lambda: validate(text, lints=True))

    work(10)  # what is done once for a process is not counted
    assert work(1_000) < 6 * work(200)
