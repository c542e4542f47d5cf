"""Choice rules of the JSONPath language, by the recordings: a type mismatch is false, null is present."""

from __future__ import annotations

from typing import Any

import pytest

from engine.expressions.choice_rules import compile_rule
from engine.expressions.scope import ExpressionSyntaxError
from tests.unit.engine.expressions.scopes import outcome

INPUT: dict[str, Any] = {
    "text": "b",
    "number": 1,
    "float": 1.0,
    "true": True,
    "null": None,
    "time": "2012-10-09T19:00:55Z",
    "list": [],
    "big": "\U00010000",
    "private": "\ue000",
}


@pytest.mark.parametrize(
    ("variable", "operator", "operand", "expected"),
    [
        ("$.text", "StringEquals", "b", True),
        ("$.text", "StringEquals", "B", False),
        ("$.text", "StringLessThan", "c", True),
        ("$.text", "StringGreaterThanEquals", "b", True),
        ("$.big", "StringLessThan", "\ue000", True),
        ("$.big", "StringGreaterThanPath", "$.private", False),
        ("$.number", "StringEquals", "1", False),
        ("$.number", "NumericEquals", 1.0, True),
        ("$.float", "NumericEquals", 1, True),
        ("$.true", "NumericEquals", 1, False),
        ("$.text", "NumericEquals", 1, False),
        ("$.number", "NumericLessThanEquals", 1, True),
        ("$.number", "NumericGreaterThan", 1, False),
        ("$.number", "NumericEqualsPath", "$.float", True),
        ("$.true", "BooleanEquals", True, True),
        ("$.true", "BooleanEqualsPath", "$.number", False),
        ("$.number", "BooleanEquals", True, False),
        ("$.time", "TimestampEquals", "2012-10-09T20:00:55+01:00", True),
        ("$.time", "TimestampEquals", "2012-10-09T19:00:55.000Z", True),
        ("$.time", "TimestampLessThan", "2012-10-09T19:00:55.0001Z", True),
        ("$.time", "TimestampGreaterThanEqualsPath", "$.time", True),
        ("$.null", "TimestampEquals", "2012-10-09T19:00:55Z", False),
        ("$.text", "TimestampLessThan", "2012-10-09T19:00:55Z", False),
        ("$.null", "IsNull", True, True),
        ("$.null", "IsPresent", True, True),
        ("$.nope", "IsPresent", False, True),
        ("$.nope.deep", "IsPresent", True, False),
        ("$.number", "IsNumeric", True, True),
        ("$.true", "IsNumeric", True, False),
        ("$.text", "IsString", False, False),
        ("$.true", "IsBoolean", True, True),
        ("$.time", "IsTimestamp", True, True),
        ("$.text", "IsTimestamp", False, True),
        ("$.text", "StringMatches", "*", True),
        ("$.list", "StringMatches", "*", False),
        ("$v", "StringEquals", "variable", True),
        ("$$.State.Name", "StringEquals", "S", True),
    ],
)
def test_comparison(variable: str, operator: str, operand: Any, expected: bool) -> None:
    rule = compile_rule({"Variable": variable, operator: operand, "Next": "X", "Comment": "c"})
    assert outcome(rule, INPUT, {"v": "variable"}) is expected


YES = {"Variable": "$.true", "BooleanEquals": True}
NO = {"Variable": "$.true", "BooleanEquals": False}
BROKEN = {"Variable": "$.missing", "BooleanEquals": True}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"And": [YES, YES]}, True),
        ({"And": [YES, NO]}, False),
        ({"Or": [NO, YES]}, True),
        ({"Or": [NO, NO]}, False),
        ({"Not": NO}, True),
        ({"And": [{"Not": {"Or": [NO, NO]}}, YES]}, True),
        ({"And": [NO, BROKEN]}, False),
        ({"Or": [YES, BROKEN]}, True),
    ],
)
def test_rules_combine_and_stop_as_soon_as_they_can(rule: dict[str, Any], expected: bool) -> None:
    assert outcome(compile_rule(rule), INPUT) is expected


@pytest.mark.parametrize(
    "rule", [BROKEN, {"Variable": "$.true", "StringEqualsPath": "$.missing"}, {"Not": BROKEN}, {"And": [YES, BROKEN]}]
)
def test_a_missing_value_is_a_runtime_error(rule: dict[str, Any]) -> None:
    assert outcome(compile_rule(rule), INPUT) == (
        "States.Runtime: Invalid path '$.missing': The choice state's condition path references an invalid value."
    )


@pytest.mark.parametrize(
    "rule",
    [{}, {"Variable": "$.a"}, {"Variable": "$.a", "Equals": 1}, {"StringEquals": "a"},
     {"Variable": "$.a", "StringEquals": "a", "NumericEquals": 1}, {"Variable": "a", "IsNull": True}],
)  # fmt: skip
def test_what_is_no_rule_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_rule(rule)
