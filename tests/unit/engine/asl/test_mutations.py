"""Whatever is done to a definition, it compiles or is refused; nothing else ever comes out."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.asl.diagnostics import InvalidDefinition, has_errors
from engine.asl.parse import compile_definition, compile_state
from engine.asl.validate import validate
from tests.unit.engine.asl.definitions import choice, distributed, machine, map_state, parallel, task
from tests.unit.engine.asl.mutations import mutated

PASS: dict[str, Any] = {"Type": "Pass", "Assign": {"x.$": "$.a"}, "ResultPath": "$.r", "End": True}
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "Z", "ResultPath": "$.e", "Assign": {"y": 1}}]
RETRY = [{"ErrorEquals": ["E"], "IntervalSeconds": 1, "BackoffRate": 1.5, "MaxAttempts": 2, "JitterStrategy": "FULL"}]
RULE = {"And": [{"Variable": "$.a", "StringMatches": "*"}, {"Not": {"Variable": "$x", "NumericEqualsPath": "$.n"}}]}
READER = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key.$": "$.k"},
          "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"]}}  # fmt: skip

EVERYTHING: dict[str, Any] = machine(
    {
        "A": choice({**RULE, "Next": "B"}, Default="B"),
        "B": {**task(Retry=RETRY, Catch=CATCH, TimeoutSecondsPath="$.t", Next="C"), "End": False},
        "C": {
            **parallel(machine({"D": PASS}), machine({"E": {"Type": "Fail", "ErrorPath": "$.e"}})),
            "End": False,
            "Next": "F",
        },
        "F": {**map_state(ItemsPath="$.l", ItemSelector={"i.$": "$$.Map.Item.Value"}), "End": False, "Next": "G"},
        "G": {"Type": "Wait", "SecondsPath": "$.s", "Next": "H"},
        "H": {
            "Type": "Task",
            "QueryLanguage": "JSONata",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"},
            "Output": "{% $states.result.Payload %}",
            "Next": "Z",
        },
        "Z": {"Type": "Succeed"},
    }
)
BIG_MAP: dict[str, Any] = machine({"M": distributed(ItemReader=READER, ItemBatcher={"MaxItemsPerBatch": 2}, Label="l")})


def test_the_definition_that_is_spoiled_is_right() -> None:
    assert not has_errors(validate(json.dumps(EVERYTHING)))
    assert not has_errors(validate(json.dumps(BIG_MAP)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definition=st.sampled_from([EVERYTHING, BIG_MAP]), data=st.data())
def test_a_spoiled_definition_is_compiled_or_refused(definition: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(mutated(definition, data))
    refused = has_errors(validate(text, lints=True))
    try:
        compile_definition(text)
    except InvalidDefinition as error:
        assert has_errors(error.diagnostics)
    else:
        assert not refused


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(EVERYTHING["States"])), data=st.data())
def test_a_spoiled_lone_state_is_compiled_or_refused(name: str, data: st.DataObject) -> None:
    text = json.dumps(mutated(EVERYTHING["States"][name], data))
    try:
        compile_state(text)
    except InvalidDefinition as error:
        assert "/States/StateName" in str(error) or error.diagnostics


@settings(max_examples=100, deadline=None)
@given(text=st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_is_refused_in_peace(text: str) -> None:
    assert has_errors(validate(text))
