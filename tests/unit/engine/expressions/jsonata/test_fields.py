"""JSONata in a field: values, failures with the service's texts, limits at their boundaries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.expressions.jsonata import compile_jsonata, expect, is_jsonata
from engine.expressions.scope import ExpressionSyntaxError
from engine.failure import StateError
from engine.payload import Payload
from tests.unit.engine.expressions.scopes import outcome, scope

INPUT: dict[str, Any] = {
    "a": 1,
    "whole": 1.0,
    "nothing": None,
    "items": [{"p": 1, "n": "x"}, {"p": 5, "n": "y"}],
    "name": "é",
    "huge": 2**70,
    "exact": 2**53 + 1,
}
START = "States.QueryEvaluationError: The JSONata expression '{}' specified for the field 'Output/v' "


def evaluated(source: str, **more: Any) -> Any:
    result = outcome(compile_jsonata("{% " + source + " %}", "Output/v"), INPUT, {"v": [1, 2]}, **more)
    return result.removeprefix(START.format(source)) if isinstance(result, str) else result


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$states.input.a + 1", 2),
        ("$states.input.items[p > 1].n", "y"),
        ("$states.input.items.n", ["x", "y"]),
        ("$states.context.Execution.Id", "arn:x"),
        ("$states.context.State.Name & '!'", "S!"),
        ("$sum($v)", 3),
        ("$v[0]", 1),
        ("$states.input.whole", 1),
        ("$states.input.nothing", None),
        ("null", None),
        ("$exists($states.input.nothing)", True),
        ("$type(null)", "null"),
        ("$count(null)", 1),
        ("{'a': null, 'b': [null]}", {"a": None, "b": [None]}),
        ("{'a': $nope}", {}),
        ("1/0", "Infinity"),
        ("-1/0", "-Infinity"),
        ("1e308*10", "Infinity"),
        ("0/0", "NaN"),
        ("[1/0]", ["Infinity"]),
        ("4/2", 2),
        ("$parseInteger('abc', '0')", "NaN"),
        ("$string(1e20)", "100000000000000000000"),
        ("$string(1e21)", "1e+21"),
        ("$string(1e-6)", "0.000001"),
        ("$string(1e-7)", "1e-7"),
        ("$string(1/3)", "0.333333333333333"),
        ("$states.input.exact", 2**53 + 1),
        ("$states.input.huge", float(2**70)),
        ("$variable := 1", 1),
        ("'\\ud800'", "\ufffd"),
        ("'\\ud83d\\ude00'", "\U0001f600"),
        ('$contains("hello$world", /^hello\\ /)', False),
        ("$merge([{'a': 1}, {'b': 2}])", {"a": 1, "b": 2}),
        ("$now()", "2026-01-02T03:04:05.678Z"),
        ("$millis()", 1767323045678),
        ("$random(42)", 0.7275636800328681),
        ("$uuid()", "00010203-0405-4607-8809-0a0b0c0d0e0f"),
        ("$states.result.x", "returned nothing (undefined)."),
        ("$nope", "returned nothing (undefined)."),
        ("$states.errorOutput", "returned nothing (undefined)."),
        ("$eval('1')", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("$randomSeeded(1)", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("function($x){$x}", "returned an unsupported result type."),
        ("{'f': $sum}", "returned an unsupported result type."),
        (
            "$base64decode('!!!')",
            "threw an internal error during evaluation. 00010203-0405-4607-8809-0a0b0c0d0e0f",
        ),
    ],
)
def test_expression(source: str, expected: Any) -> None:
    result = evaluated(source)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("$split('a','b',-1)", "D3020: Third argument of split function must evaluate to a positive number"),
        ("$each('x', function($v){$v})", 'T0410: Argument 1 of function "each" does not match function signature'),
        ("$sum(['a'])", 'T0412: Argument 1 of function "sum" must be an array of "numbers"'),
        ("$sqrt(-1)", "D3060: The sqrt function cannot be applied to a negative number: -1"),
        ("1 + {}", 'T2002: The right side of the "+" operator must evaluate to a number'),
        ("1 < 'a'", 'T2009: The values 1 and "a" either side of operator "<" must be of the same data type'),
        ("$error('mine')", "D3137: mine"),
        ("$number('x')", 'D3030: Unable to cast value to a number: "x"'),
    ],
)  # fmt: skip
def test_an_error_prints_the_reference_librarys_text(source: str, text: str) -> None:
    assert evaluated(source) == f"threw an error during evaluation. {text}"


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        (b'{"a": {"b": [1, 1.5]}}', "$states.input.a", {"b": [1, 1.5]}),
        (b'{"a": {"b": 1.0 }}', "$states.input.a", {"b": 1}),
        (b'{"a": {"b": [2.50, 1.00]}}', "$states.input.a.b", [2.5, 1]),
        (b'{"a": {"b": 1E2}}', "$states.input.a", {"b": 100}),
        (b'{"a": {"b": 36893488147419103232}}', "$states.input.a", {"b": 2.0**65}),
        (b'{"a": {"b": "1.0,"}}', "$states.input.a", {"b": "1.0,"}),
        (b'{"a": {"b": 1}}', "$states.input.a[]", [{"b": 1}]),
        (b'{"a": [{"b": 1}]}', "$states.input.a.b", 1),
        (b'{"a": [{"b": 1}]}', "$states.input.a", [{"b": 1}]),
        (b'{"a": {"b": 1}}', "$states.input.b.a", None),
    ],
)
def test_parts_of_the_input_are_handed_on_with_numbers_as_jsonata_writes_them(
    text: bytes, source: str, expected: Any
) -> None:
    expression = compile_jsonata("{% " + source + " %}", "Output")
    payload = Payload.of_text(text)
    within = scope(payload.value)
    within.payload = payload
    if expected is None:
        with pytest.raises(StateError):
            expression(within)
        return
    for _ in range(2):
        result = expression(within)
        assert json.dumps(result) == json.dumps(expected)


def test_result_and_error_output_exist_where_the_scope_has_them() -> None:
    assert (
        evaluated("$states.result.x & $states.errorOutput.Error", result={"x": 1}, error_output={"Error": "E"}) == "1E"
    )


def test_the_whole_of_states_has_what_exists() -> None:
    assert evaluated("$keys($states)") == ["input", "context"]


def test_the_clock_is_the_scopes() -> None:
    assert evaluated("$millis()", now_ms=5) == 5
    assert evaluated("$now()", now_ms=5) == "1970-01-01T00:00:00.005Z"


def test_a_variable_hides_a_function_of_its_name() -> None:
    expression = compile_jsonata("{% $sum %}", "Output")
    assert outcome(expression, None, {"sum": 7}) == 7


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$partition([0,1,2], 2)", [[0, 1], [2]]),
        ("$partition([0], 5)", [[0]]),
        ("$partition([0,1])", [[0, 1]]),
        ("$partition([0], 0)", "returned nothing (undefined)."),
        ("$partition([], 2)", "returned nothing (undefined)."),
        ("$partition([1,2,3], 2.9)", [[1, 2], [3]]),
        ("$partition([0], -1)", "threw an error during evaluation. D3137: Second argument must be zero or greater"),
        ("$range(1, 5, 2)", [1, 3, 5]),
        ("$range(5, 1, -2)", [5, 3, 1]),
        ("$range(3, 3, 1)", 3),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$range(1, 5, 0)", "returned nothing (undefined)."),
        ("$range(1, 5)", "returned nothing (undefined)."),
        ("$range(1, 5, -1)", "returned nothing (undefined)."),
        ("$hash('input data', 'MD5')", "812f45842bc6d66ee14572ce20db8e86"),
        ("$hash('a')", "returned nothing (undefined)."),
        ('$parse(\'{"b": 1.0, "a": 1e2}\')', {"b": 1, "a": 100}),
        ("$parse('-0')", 0),
        ("$parse('null')", None),
        ("$parse()", "returned nothing (undefined)."),
        ("$map(['1','2'], $parse)", [1, 2]),
    ],
)
def test_functions_of_the_service(source: str, expected: Any) -> None:
    result = evaluated(source)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("$partition(null, 1)", "T0412"),
        ("$partition('a', 1)", "T0412"),
        ("$range(1)", "T0410"),
        ("$range(1, 2, 3, 4)", "T0410"),
        ("$hash('a', 'md5')", "D3137"),
        ("$hash(1, 'MD5')", "T0410"),
        ("$uuid(1)", "T0410"),
        ("$random('a')", "T0410"),
        ("$parse(null)", "T0410"),
        ("$parse('')", "D3137"),
        ("$parse('{} {}')", "D3137"),
        ("$parse('1e400')", "D3137"),
        ('$parse(\'[{"a": {"b": 1, "b": 2}}]\')', "D3137"),
    ],
)
def test_functions_of_the_service_refuse(source: str, code: str) -> None:
    assert evaluated(source).startswith(f"threw an error during evaluation. {code}: ")


MEMORY = (
    "threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory usage"
)
STACK = (
    "threw an error during evaluation: Stack overflow error: Check for non-terminating recursive function. "
    "Consider rewriting as tail-recursive"
)
FACTORIAL = "($f := function($n){$n = 0 ? 0 : 1 + $f($n-1)}; $f(%d))"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("+".join(["1"] * 100), 100),
        ("+".join(["1"] * 101), STACK),
        ("(" * 99 + "1" + ")" * 99, 1),
        ("(" * 100 + "1" + ")" * 100, STACK),
        ("(" * 50_000 + "1" + ")" * 50_000, STACK),
        (" ~> ".join(["1"] + ["$string"] * 99), "1"),
        (FACTORIAL % 31, 31),
        (FACTORIAL % 32, STACK),
        ("($f := function($n, $a){$n = 0 ? $a : $f($n-1, $a+1)}; $f(5000, 0))", 5000),
        ("$count([1..873782])", 873782),
        ("$count([1..873783])", MEMORY),
        ("$count($range(1, 360145, 1))", 360145),
        ("$range(1, 360146, 1)", MEMORY),
        ("$length($reduce([1..22], function($a){$a & $a}, 'x'))".replace("($a)", "($a, $b)"), 2**22),
        ("$reduce([1..23], function($a, $b){$a & $a}, 'x')", MEMORY),
        ("$length($pad('x', 262145))", 262145),
        ("$pad('x', 262146)", MEMORY),
    ],
    ids=lambda value: str(value)[:40],
)
def test_limits_hold_at_their_boundary(source: str, expected: Any) -> None:
    assert evaluated(source) == expected


@pytest.mark.parametrize(
    ("value", "kind", "found", "shown"),
    [
        (1, "array", "number", "1"),
        (None, "array", "null", "null"),
        (True, "array", "boolean", "true"),
        ("x", "array", "string", '"x"'),
        ({"foo": "bar"}, "array", "object", '{"foo":"bar"}'),
        ([], "number", "array", "[]"),
        (True, "number", "boolean", "true"),
    ],
)
def test_an_unexpected_type_is_shown_with_its_value(value: Any, kind: str, found: str, shown: str) -> None:
    with pytest.raises(StateError) as failure:
        expect(value, kind, "$x", "Items")
    assert failure.value.location == "Items"
    assert failure.value.cause == (
        "The JSONata expression '$x' specified for the field 'Items' returned an unexpected result type. "
        f"Expected '{kind}', but was '{found}' for value: {shown}"
    )


def test_an_expected_type_goes_through() -> None:
    assert expect([1], "array", "$x", "Items") == [1]


@pytest.mark.parametrize(
    ("text", "yes"), [("{%%}", True), ("{% 1 %}", True), ("", False), (" {% 1 %} ", False), ("{", False)]
)
def test_delimiters_make_an_expression(text: str, yes: bool) -> None:
    assert is_jsonata(text) is yes


@pytest.mark.parametrize("text", ["1", "{% 1", "1 %}", "{%}", "{% 1 + %}"])
def test_what_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_jsonata(text, "Output")
