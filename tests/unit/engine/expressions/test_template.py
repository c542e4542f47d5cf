"""Payload templates of both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.expressions.scope import ExpressionSyntaxError
from engine.expressions.template import compile_jsonata_template, compile_template, is_larger
from tests.unit.engine.expressions.scopes import outcome, scope


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"a.$": "$.x", "b": {"c.$": "$$.Execution.Id", "d": 1}}, {"a": 1, "b": {"c": "arn:x", "d": 1}}),
        ({"a": ["$.x", {"b.$": "$.x"}]}, {"a": ["$.x", {"b": 1}]}),
        ({"a.$": "States.Format('{}', $v)"}, {"a": "9"}),
        ([{"a.$": "$"}], [{"a": {"x": 1}}]),
        ({"a": "$.x", "b": "{% 1 %}"}, {"a": "$.x", "b": "{% 1 %}"}),
        ("$.x", "$.x"),
        (None, None),
    ],
)
def test_dollar_keys_are_computed(template: Any, expected: Any) -> None:
    assert outcome(compile_template(template), {"x": 1}, {"v": 9}) == expected


def test_what_needs_no_computing_is_shared_with_the_definition() -> None:
    static = {"deep": [1, 2]}
    assert compile_template({"a": static, "b.$": "$"})(scope(1))["a"] is static


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            {"parsed.$": "nope"},
            "The value for the field 'parsed.$' must be a valid JSONPath or a valid intrinsic function call",
        ),
        (
            {"n": {"x.$": 5}},
            "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call",
        ),
        ({"a": 1, "a.$": "$"}, "The field 'a' is given twice: as 'a' and 'a.$'"),
    ],
)
def test_a_bad_template_is_refused(template: Any, text: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as refused:
        compile_template(template)
    assert refused.value.args[0] == text


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"a": "{% $states.input.x %}", "b": ["{% $v %}", "$v", " {% 1 %} "]}, {"a": 1, "b": [9, "$v", " {% 1 %} "]}),
        ("{%1+1%}", 2),
        ({"a.$": "$.x"}, {"a.$": "$.x"}),
        (5, 5),
    ],
)
def test_jsonata_strings_are_computed_at_any_depth(template: Any, expected: Any) -> None:
    assert outcome(compile_jsonata_template(template, "Output"), {"x": 1}, {"v": 9}) == expected


def test_a_jsonata_failure_says_where_it_stands() -> None:
    template = compile_jsonata_template({"a": {"b": ["x", ["{% $nope %}"]]}}, "Output")
    assert outcome(template) == (
        "States.QueryEvaluationError: The JSONata expression '$nope' specified for the field 'Output/a/b[1][0]' "
        "returned nothing (undefined)."
    )


@pytest.mark.parametrize("text", ["{% 1", "1 %}", "{%"])
def test_one_delimiter_alone_is_refused(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match=re.escape("JSONata string must start with {% and end with %}")):
        compile_jsonata_template({"a": text}, "Output")


def test_a_template_of_many_large_parts_ends_as_a_data_limit() -> None:
    template = compile_template({f"k{at}.$": "$" for at in range(100)})
    assert outcome(template, "x" * 262_000).startswith("States.DataLimitExceeded: ")


@pytest.mark.parametrize(("limit", "larger"), [(9, True), (30, False)])
def test_measuring_stops_at_the_limit(limit: int, larger: bool) -> None:
    assert is_larger({"a": ["bb", 1, None]}, limit) is larger
