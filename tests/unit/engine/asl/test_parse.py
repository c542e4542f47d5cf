"""What the compiler makes of each field, in both languages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.asl.model import (
    DISCARD,
    ChoiceState,
    FailState,
    MapState,
    NumberLimit,
    ParallelState,
    PassState,
    Retrier,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from engine.asl.parse import compile_definition, compile_state
from engine.expressions.scope import Scope
from tests.unit.engine.asl.definitions import alone, choice, distributed, machine, map_state, parallel, task

INPUT = {"a": {"b": 7}, "list": [1, 2], "text": "t"}


def scope(value: Any = INPUT, variables: dict[str, Any] | None = None) -> Scope:
    return Scope(value, lambda: {"Execution": {"Name": "e"}}, variables or {}, bytes)


def value_of(expression: Any, value: Any = INPUT) -> Any:
    assert callable(expression)
    return expression(scope(value))


def compiled(state: dict[str, Any], **more: Any) -> State:
    return compile_definition(json.dumps(alone(state, **more))).all_states["S"]


def test_a_program_knows_its_machine() -> None:
    definition = machine({"A": {"Type": "Pass", "Next": "B"}, "B": parallel(machine({"C": {"Type": "Succeed"}}))})
    program = compile_definition(json.dumps({**definition, "Comment": "why", "TimeoutSeconds": 60}))
    assert program.machine.start_at == "A"
    assert list(program.machine.states) == ["A", "B"]
    assert set(program.all_states) == {"A", "B", "C"}
    assert (program.comment, program.timeout_seconds, program.query_language) == ("why", 60, "JSONPath")
    assert program.all_states["A"].next == "B"
    assert program.all_states["B"].next is None
    assert isinstance(program.all_states["C"], SucceedState)


def test_pass() -> None:
    state = compiled({"Type": "Pass", "End": True, "Result": {"x": 1}, "InputPath": "$.a", "OutputPath": None,
                      "ResultPath": "$.r", "Parameters": {"p.$": "$.b"}})  # fmt: skip
    assert isinstance(state, PassState)
    assert state.result is not None
    assert state.result.value == {"x": 1}
    assert value_of(state.input_path) == {"b": 7}
    assert state.output_path is DISCARD
    assert state.result_path is not None and state.result_path is not DISCARD
    assert state.result_path.text == "$.r"
    assert value_of(state.parameters, {"b": 7}) == {"p": 7}


def test_absent_fields_stay_absent() -> None:
    state = compiled({"Type": "Pass", "End": True, "Result": None, "ResultPath": None})
    assert isinstance(state, PassState)
    assert (state.result, state.input_path, state.output_path, state.parameters, state.assign) == (None,) * 5
    assert state.result_path is DISCARD


@pytest.mark.parametrize("field", ["SecondsPath", "TimestampPath"])
def test_wait_paths_keep_their_text(field: str) -> None:
    state = compiled({"Type": "Wait", field: "$.text", "End": True})
    assert isinstance(state, WaitState)
    kept = state.seconds_path if field == "SecondsPath" else state.timestamp_path
    assert kept is not None
    assert kept[0] == "$.text"
    assert kept[1](scope()) == "t"


def test_wait_literals_and_expressions() -> None:
    assert getattr(compiled({"Type": "Wait", "Seconds": 5, "End": True}), "seconds") == 5  # noqa: B009
    state = compiled({"Type": "Wait", "Seconds": "{% 2 + 3 %}", "End": True}, QueryLanguage="JSONata")
    assert isinstance(state, WaitState)
    assert value_of(state.seconds) == 5


def test_fail_takes_texts_paths_intrinsics_and_expressions() -> None:
    literal = compiled({"Type": "Fail", "Error": "E", "CausePath": "States.Format('{}!', $.text)"})
    assert isinstance(literal, FailState)
    assert literal.error == "E"
    assert value_of(literal.cause) == "t!"
    jsonata = compiled({"Type": "Fail", "Error": "plain", "Cause": "{% $states.input.text %}"}, QueryLanguage="JSONata")
    assert isinstance(jsonata, FailState)
    assert jsonata.error == "plain"
    assert value_of(jsonata.cause) == "t"


def test_an_empty_error_text_is_kept() -> None:
    state = compiled({"Type": "Fail", "Error": "", "Cause": ""})
    assert isinstance(state, FailState)
    assert (state.error, state.cause) == ("", "")


def test_task() -> None:
    state = compiled(task(TimeoutSecondsPath="$.a.b", HeartbeatSeconds=3, Credentials={"RoleArn.$": "$.text"},
                          ResultSelector={"r.$": "$"}, Assign={"x.$": "$.text", "y": {"z.$": "$.a.b"}},
                          Retry=[{"ErrorEquals": ["E"]}, {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2,
                                  "MaxAttempts": 0, "BackoffRate": 1.5, "MaxDelaySeconds": 9,
                                  "JitterStrategy": "FULL"}],
                          Catch=[{"ErrorEquals": ["E"], "Next": "Z", "ResultPath": "$.e"},
                                 {"ErrorEquals": ["States.ALL"], "Next": "Z", "ResultPath": None}]))  # fmt: skip
    assert isinstance(state, TaskState)
    assert state.resource.kind == "lambda"
    assert state.timeout_seconds is not None and value_of(state.timeout_seconds.value) == 7
    assert state.heartbeat_seconds is not None and state.heartbeat_seconds.value == 3
    assert value_of(state.credentials) == {"RoleArn": "t"}
    assert state.assign is not None
    assert {name: value_of(made) for name, made in state.assign.expressions.items()} == {"x": "t", "y": {"z": 7}}
    assert state.retry == (Retrier(("E",)), Retrier(("States.ALL",), 2, 0, 1.5, 9, True))
    assert [(entry.error_equals, entry.next) for entry in state.catch] == [(("E",), "Z"), (("States.ALL",), "Z")]
    assert state.catch[1].result_path is DISCARD


def test_jsonata_task() -> None:
    state = compiled(task(Arguments={"x": "{% $states.input.text %}", "y": "plain"}, TimeoutSeconds="{% 9 %}",
                          Output="{% $states.result %}", Assign={"v": "{% $states.result %}"},
                          Catch=[{"ErrorEquals": ["E"], "Next": "Z", "Output": {"e": "{% $states.errorOutput %}"}}]),
                     QueryLanguage="JSONata")  # fmt: skip
    assert isinstance(state, TaskState)
    assert value_of(state.arguments) == {"x": "t", "y": "plain"}
    assert state.timeout_seconds is not None and value_of(state.timeout_seconds.value) == 9
    assert state.output is not None
    assert state.output(scope().with_result(5)) == 5
    assert state.catch[0].output is not None


def test_choice_rules_in_both_languages() -> None:
    path = compiled(choice({"Variable": "$.a.b", "NumericEquals": 7, "Next": "Z", "Assign": {"x": 1}}))
    assert isinstance(path, ChoiceState)
    assert value_of(path.rules[0].condition) is True
    assert path.rules[0].assign is not None
    assert path.default == "Z"
    conditions: list[Any] = [False, "{% $states.input.text = 't' %}"]
    rules = [{"Condition": condition, "Next": "Z", "Output": {"o": 1}} for condition in conditions]
    jsonata = compiled(choice(*rules), QueryLanguage="JSONata")
    assert isinstance(jsonata, ChoiceState)
    assert [value_of(rule.condition) for rule in jsonata.rules] == [False, True]
    assert value_of(jsonata.rules[0].output) == {"o": 1}


def test_inline_map() -> None:
    state = compiled(map_state(ItemsPath="$.list", ItemSelector={"i.$": "$.text"}, MaxConcurrencyPath="$.a.b"))
    assert isinstance(state, MapState)
    assert not state.distributed
    assert state.items_path is not None
    assert (state.items_path[0], state.items_path[1](scope())) == ("$.list", [1, 2])
    assert value_of(state.item_selector) == {"i": "t"}
    assert (state.max_concurrency.field, state.max_concurrency.path) == ("MaxConcurrencyPath", "$.a.b")
    assert value_of(state.max_concurrency.value) == 7
    assert state.tolerated_failure_count == NumberLimit(None)
    assert list(state.processor.states) == ["P"]


def test_the_legacy_map_is_the_same_map() -> None:
    state = map_state(Parameters={"i.$": "$.text"})
    state["Iterator"] = state.pop("ItemProcessor")
    made = compiled(state)
    assert isinstance(made, MapState)
    assert made.parameters is None
    assert value_of(made.item_selector) == {"i": "t"}


def test_distributed_map() -> None:
    state = compiled(
        distributed(
            Label="l",
            ToleratedFailureCount=2,
            ToleratedFailurePercentagePath="$.a.b",
            ItemReader={
                "Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket.$": "$.text", "Key": "k"},
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItemsPath": "$.a.b"},
            },
            ItemBatcher={"MaxItemsPerBatch": 3, "MaxInputBytesPerBatchPath": "$.a.b", "BatchInput": {"x.$": "$.text"}},
            ResultWriter={"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"},
                          "WriterConfig": {"Transformation": "FLATTEN"}},
        )
    )  # fmt: skip
    assert isinstance(state, MapState)
    assert (state.distributed, state.execution_type, state.label) == (True, "STANDARD", "l")
    assert state.tolerated_failure_count == NumberLimit(2)
    assert state.item_reader is not None and state.item_batcher is not None and state.result_writer is not None
    assert value_of(state.item_reader.parameters) == {"Bucket": "t", "Key": "k"}
    assert state.item_reader.config["InputType"] == "CSV"
    assert state.item_reader.max_items.field == "MaxItemsPath"
    assert state.item_batcher.max_items == NumberLimit(3)
    assert value_of(state.item_batcher.batch_input) == {"x": "t"}
    assert state.result_writer.config == {"Transformation": "FLATTEN"}


def test_jsonata_map_numbers_may_be_expressions() -> None:
    more = {"Items": "{% [1..3] %}", "MaxConcurrency": "{% 2 %}", "ToleratedFailurePercentage": "{% 50 %}"}
    state = compiled(distributed(**more), QueryLanguage="JSONata")
    assert isinstance(state, MapState)
    assert value_of(state.items) == [1, 2, 3]
    assert value_of(state.max_concurrency.value) == 2
    assert value_of(state.tolerated_failure_percentage.value) == 50


def test_mixed_machine() -> None:
    definition = machine({"A": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", "Next": "B"},
                          "B": {"Type": "Pass", "InputPath": "$", "End": True}})  # fmt: skip
    program = compile_definition(json.dumps(definition))
    assert [program.all_states[name].query_language for name in "AB"] == ["JSONata", "JSONPath"]
    assert program.query_language == "JSONPath"


def test_parallel_keeps_the_order_of_its_branches() -> None:
    state = compiled(parallel(*(machine({name: {"Type": "Pass", "End": True}}) for name in "CBA")))
    assert isinstance(state, ParallelState)
    assert [branch.start_at for branch in state.branches] == ["C", "B", "A"]


def test_a_lone_state_is_named_state_name() -> None:
    state = compile_state(json.dumps({"Type": "Wait", "Seconds": 1, "Next": "Elsewhere"}))
    assert (state.name, state.next) == ("StateName", "Elsewhere")
