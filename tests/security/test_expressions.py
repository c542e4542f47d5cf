"""Expressions that mean harm: loops, depth, memory, patterns, format strings, escapes. Each test names its threat."""

from __future__ import annotations

import ast
import itertools
import json
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

import engine.expressions
from engine.expressions.intrinsics import compile_intrinsic
from engine.expressions.jsonata import check_jsonata, compile_jsonata
from engine.expressions.jsonpath import compile_path
from engine.expressions.linear_regex import compile_pattern
from engine.expressions.scope import ExpressionSyntaxError
from engine.expressions.string_matches import compile_pattern as compile_string_matches
from engine.failure import StateError
from tests.unit.engine.expressions.scopes import outcome, scope

SECONDS_MAX = 10.0
"""Far above what any of these takes; without the limits they take minutes or for ever."""


def evaluated(source: str, input: Any = None) -> Any:
    started = time.process_time()
    result = outcome(compile_jsonata("{% " + source + " %}", "Output"), input)
    assert time.process_time() - started < SECONDS_MAX
    return result


@pytest.mark.parametrize(
    "source",
    [
        "($f := function(){$f()}; $f())",
        "($f := function($n){$f($n+1)}; $f(0))",
        "($a := function(){$b()}; $b := function(){$a()}; $a())",
        "$reduce([1..500000], function($a, $b){$a + $b})",
        "$sort([1..300000], function($a, $b){$a < $b})",
    ],
)
def test_e1_endless_work_ends_by_counted_steps_and_can_be_caught(source: str) -> None:
    result = evaluated(source)
    assert result.startswith("States.QueryEvaluationError: ")
    assert result.endswith("threw an error during evaluation: Expression evaluation timeout: Check for infinite loop")


LONG = "($s := $pad('', 200000, 'a'); $t := $s & ''; {})"
NUMBERS = "($s := [1..100000]; {})"


@pytest.mark.parametrize(
    "source",
    [
        # Work between two turns of a loop: the body's nodes count.
        "$count([1..800000][$ " + "+ 1 - 1 " * 30 + "= 0])",
        "($f := function($n){$f($n " + "+ 1 - 1 " * 40 + ")}; $f(1))",
        "$count([1..200000]{$string($): {'a': $, 'b': [$, $, $, $, $, $, $, $]}})",
        # Work inside one call: long texts, long lists, big numbers, patterns.
        LONG.format("[1..100000].$contains($s, 'aaaaaaaaaaaaaaab')"),
        LONG.format("[1..100000].$contains($s, /b/)"),
        LONG.format("[1..100000][$s = $t]"),
        LONG.format("$distinct([1..100000].($ % 2 = 0 ? $s : $t))"),
        LONG.format("[1..100000].$encodeUrl($s)"),
        NUMBERS.format("[1..100000].$sum($s)"),
        NUMBERS.format("[1..100000].$string($s)"),
        NUMBERS.format("[1..100000][$s]"),
        NUMBERS.format("($z := $s.(0); [1..100000].$boolean($z))"),
        "($x := $merge([1..20000].{$string($): 1}); [1..100000].$keys($x))",
        "[1..200000].$formatNumber($, '#,##0.00')",
        "[1..200000].$formatInteger(1.5e300, 'w')",
        "[1..200000].$fromMillis($, '[Y0001]-[M01]-[D01] [FNn] [MNn]')",
        "[1..200000].$match($string($), /[0-9]/)",
        "$formatInteger(1, $pad('', 250000, '0'))",
    ],
    ids=lambda source: source[:60],
)
def test_e1_the_budget_counts_the_work_and_not_only_the_turns(source: str) -> None:
    assert " threw an error during evaluation: Expression evaluation " in evaluated(source)


@pytest.mark.parametrize(
    "source",
    [
        "$parseInteger($pad('', 250000, 'zz'), 'a')",
        "$parseInteger($pad('', 250000, 'trillion '), 'w')",
        "$number('0x' & $pad('', 250000, 'f'))",
        "$count($match($pad('', 50000, '\U0001f600'), /./))",
        "$count($split($pad('', 50000, '\U0001f600'), /\U0001f600/))",
        "$length($replace($pad('', 50000, '\U0001f600'), /\U0001f600/, 'x'))",
    ],
)
def test_e1_one_call_takes_time_that_grows_with_the_text(source: str) -> None:
    assert isinstance(evaluated(source), (int, str))


@pytest.mark.parametrize(
    "source",
    [
        "$count([1..873782][$ = 1])",
        "$count($map([1..200000], function($x){$x + 1}))",
        "$count([1..200000].$string())",
        "$count([1..100000]{$string($ % 1000): $})",
        "($f := function($n, $a){$n = 0 ? $a : $f($n - 1, $a + $n)}; $f(100000, 0))",
    ],
)
def test_e1_what_the_reference_library_does_within_a_second_is_done(source: str) -> None:
    assert isinstance(evaluated(source), int)


@pytest.mark.parametrize(
    ("source", "fits"),
    [
        ("+".join(["1"] * 99), True),
        ("+".join(["1"] * 101), False),
        ("[" * 99 + "]" * 99, True),
        ("[" * 101 + "]" * 101, False),
    ],
    ids=["sum-99", "sum-101", "brackets-99", "brackets-101"],
)
def test_e2_depth_is_refused_above_a_hundred(source: str, fits: bool) -> None:
    assert ("Stack overflow error" in str(evaluated(source))) is not fits


@pytest.mark.parametrize("depth", [10**3, 10**5])
def test_e2_a_deep_text_costs_no_recursion(depth: int) -> None:
    for source in ("(" * depth + "1" + ")" * depth, "-" * depth + "1", "1" + "+1" * depth, "function(){" * depth):
        assert isinstance(check_jsonata("{%" + source + "%}"), list)


@pytest.mark.parametrize(
    "source",
    [
        "[1..873783]",
        "$reduce([1..23], function($a, $b){$a & $a}, 'x')",
        "$pad('x', 1000000000)",
        "[1..3000].([1..3000])",
        "$join([1..100000].$states.input)",
        "$replace($states.input, /./, $states.input)",
        "$map([1..100], function($i){ $pad('x', 200000) & $i })",
        "$reduce([1..60], function($a, $b){{'x': $a, 'y': $a}}, 1)",
        "$string($reduce([1..60], function($a, $b){[[$a], [$a]]}, 1))",
        "$formatInteger(1000000000000, 'I')",
        "$fromMillis(0, $pad('', 2000, '[Y]'))",
        "[1..5000].$split($states.input & 'z' & $states.input, 'z')",
        "$merge([1..5000].{$substring($states.input, $): 1})",
        "[1..5000]^($substring($states.input, $))",
        "$reduce([1..5000], function($a, $i){$append($a, $substring($states.input, $i))}, [])",
        "[1..5000].$substring($states.input, $)",
    ],
)
def test_e3_memory_is_accounted_for_before_it_is_used(source: str) -> None:
    assert "Expression evaluation memory limit exceeded" in evaluated(source, "y" * 200_000)


@pytest.mark.parametrize(
    "source",
    [
        "$reduce([1..60], function($a, $b){[$a, $a]}, 1) = $reduce([1..60], function($a, $b){[$a, $a]}, 1)",
        "$count($reduce([1..60], function($a, $b){{'x': $a, 'y': $a}}, 1).**)",
        "$reduce([1..5000], function($a, $b){[[$a]]}, 1)",
        "$boolean($reduce([1..60], function($a, $b){[[$a], [$a]]}, 0))",
    ],
)
def test_e3_shared_structure_does_not_explode(source: str) -> None:
    assert str(evaluated(source)).startswith("States.QueryEvaluationError")


def test_e4_eval_does_not_exist() -> None:
    assert evaluated("$eval('1')").endswith("T1006: Attempted to invoke a non-function")


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|aa)+$", "(.*)*x", "(a*)*b", "([a-z]+)*[0-9]"])
def test_e5_catastrophic_patterns_are_linear(pattern: str) -> None:
    evaluated(f"$match('{'a' * 5000}!', /{pattern}/)")


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)", "(?!a)", "(?<=a)", "a{1001}{1001}"])
def test_e5_what_needs_backtracking_is_refused_before_it_runs(pattern: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_pattern(pattern)


def test_e6_a_pattern_of_two_hundred_thousand_stars_is_fast() -> None:
    matches = compile_string_matches("*a" * 100_000 + "*" * 100_001)
    started = time.process_time()
    assert matches("b" * 262_144) is False
    assert matches("a" * 262_144) is True
    assert time.process_time() - started < SECONDS_MAX


def test_e7_deep_scans_have_a_budget_of_nodes() -> None:
    document: Any = {}
    for _ in range(60):
        document = {"a": document, "b": [document]}
    result = outcome_without_copy(compile_path("$..*..*..*..*"), document)
    assert result.startswith("States.Runtime: Invalid path '$..*..*..*..*' : The path visits more than 100000 nodes")


def outcome_without_copy(expression: Any, document: Any) -> str:
    """The document is too large to be written down."""
    with pytest.raises(StateError) as failure:
        expression(scope(document))
    return f"{failure.value.error}: {failure.value.cause}"


def test_e7_filters_cannot_be_nested_without_end() -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_path("$[?(" + "(" * 10_000 + "@.a" + ")" * 10_000 + ")]")


@pytest.mark.parametrize(
    "call",
    [
        "States.ArrayRange(1, 1000000000, 1)",
        "States.ArrayRange(-2147483648, 2147483647, 1)",
        "States.Base64Encode($)",
        "States.Hash($, 'MD5')",
        "States.ArrayPartition(States.Array(1), 0)",
    ],
)
def test_e8_intrinsic_functions_refuse_before_they_build(call: str) -> None:
    assert "Invalid arguments in States." in outcome(compile_intrinsic(call), "x" * 10_001)


def test_e8_format_does_not_double_without_end() -> None:
    call = "$"
    for _ in range(9):
        call = (
            f"States.Format('{{}}{{}}', {call}, {call})"
            if len(call) < 4000
            else f"States.Format('{{}}{{}}', {call}, $)"
        )
    assert outcome(compile_intrinsic(call), "x" * 262_000).startswith("States.DataLimitExceeded")


@pytest.mark.parametrize(("depth", "fits"), [(10, True), (11, False), (100_000, False)])
def test_e9_ten_calls_may_be_nested(depth: int, fits: bool) -> None:
    text = "States.Array(" * depth + ")" * depth
    if fits:
        compile_intrinsic(text)
    else:
        with pytest.raises(ExpressionSyntaxError):
            compile_intrinsic(text)


@pytest.mark.parametrize(
    "attack", ["{0.__class__}", "{__class__}", "{!r}", "{:>1000000000}", "%s%n", "${7*7}", "{{7*7}}"]
)
def test_e10_format_strings_are_text(attack: str) -> None:
    assert outcome(compile_intrinsic("States.Format($.t, 1)"), {"t": attack + "{}"}) == attack + "1"


def test_e11_the_same_expression_ends_after_the_same_work_every_time() -> None:
    source = "($f := function($n){$n > 200000 ? $n : $f($n+1)}; $f(0))"
    assert len({str(evaluated(source)) for _ in range(3)}) == 1


@pytest.mark.parametrize("pattern", ["*" * 50, "a*b*c*", "*a*a*a*b", r"\\*x*\\*", "x", ""])
def test_e6_stars_match_as_a_slow_oracle_says(pattern: str) -> None:
    """The oracle tries everything, on every text of up to six characters."""

    def slow(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern.startswith("\\*"):
            return text.startswith("*") and slow(pattern[2:], text[1:])
        if pattern[0] == "*":
            rest = pattern.lstrip("*")
            return any(slow(rest, text[at:]) for at in range(len(text) + 1))
        return text.startswith(pattern[0]) and slow(pattern[1:], text[1:])

    matches = compile_string_matches(pattern)
    for length in range(7):
        for text in map("".join, itertools.product("abx*"[: 4 if length < 5 else 3], repeat=length)):
            assert matches(text) is slow(pattern, text), (pattern, text)


@pytest.mark.parametrize("seed", range(200))
def test_e12_whatever_comes_out_is_json(seed: int) -> None:
    """Pieces of the language put together at random: what is no error is made of JSON's types alone."""
    random = Random(seed)
    pieces = (
        "$states", "$states.input", "a", "*", "**", "$sum", "$string", "function($x){$x}", "/a/", "$$", "1", "'t'",
        "[1..3]", "{'k': $states.input}", "$map", "$keys", "$lookup", "null", "true", "$states.context", "$each",
    )  # fmt: skip
    joints = (".", " & ", " + ", "[", "~> ", "(", ", ", " = ", " ? 1 : ", "^(")
    source = random.choice(pieces)
    for _ in range(random.randint(0, 6)):
        joint = random.choice(joints)
        source += joint + random.choice(pieces) + {"[": "]", "(": ")", "^(": ")"}.get(joint, "")
    try:
        expression = compile_jsonata("{% " + source + " %}", "Output")
    except ExpressionSyntaxError:
        return
    try:
        value = expression(scope({"a": [1, {"b": "x"}]}))
    except StateError as failure:
        assert failure.error in ("States.QueryEvaluationError", "States.DataLimitExceeded")
        return
    assert only_json(value), (source, value)


def only_json(value: Any) -> bool:
    """Exactly JSON's types, at every depth."""
    if type(value) is dict:
        return all(type(key) is str and only_json(member) for key, member in value.items())
    if type(value) is list:
        return all(map(only_json, value))
    return value is None or type(value) in (str, int, float, bool)


PACKAGE = Path(engine.expressions.__file__).parent
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "setattr", "globals", "vars"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_e12_no_evaluator_reaches_for_attributes_or_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        assert name not in FORBIDDEN_CALLS
        if name == "getattr":
            assert path.name == "tree.py", "only the parser's own nodes are walked by attribute"
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            raise AssertionError("str.format on text that a user may have written")


@pytest.mark.parametrize(
    "source",
    ["$states.__class__", "$states.input.__class__.__mro__", "$sum.__globals__", "$lookup($states, '__class__')",
     "$lookup($sum, 'implementation')", "$string.implementation", "/a/.pattern", "$keys($sum)", "$spread($sum).run"],
)  # fmt: skip
def test_e12_python_is_out_of_reach(source: str) -> None:
    assert evaluated(source, {"a": 1}).endswith(
        ("returned nothing (undefined).", "returned an unsupported result type.")
    )


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\u2028", "\U0010ffff", "\ufeff"])
def test_v2_strange_characters_come_out_as_they_went_in(text: str) -> None:
    document = {"a": text, text: 1}
    assert outcome(compile_path("$.a"), document) == text
    assert outcome(compile_jsonata("{% $states.input %}", "Output"), document) == document
    assert outcome(compile_intrinsic("States.StringToJson(States.JsonToString($))"), document) == document


@pytest.mark.parametrize("number", [2**53 + 1, -(2**63), 2**63 - 1])
def test_v3_integers_keep_their_value_where_nothing_is_computed(number: int) -> None:
    assert outcome(compile_path("$.n"), {"n": number}) == number
    assert outcome(compile_jsonata("{% $states.input.n %}", "Output"), {"n": number}) == number
    assert outcome(compile_intrinsic("States.JsonToString($.n)"), {"n": number}) == str(number)


@pytest.mark.parametrize("text", ["1e400", "-1e400", "NaN", "Infinity"])
def test_v3_numbers_beyond_double_range_are_refused(text: str) -> None:
    assert "Invalid arguments" in outcome(compile_intrinsic(f"States.StringToJson('{text}')"))
    assert "D3137" in evaluated(f"$parse('{text}')")


@pytest.mark.parametrize("depth", [10**2, 10**4, 10**6])
def test_v4_depth_in_a_text_never_becomes_a_recursion_error(depth: int) -> None:
    text = "[" * depth + "]" * depth
    for result in (
        outcome(compile_intrinsic("States.StringToJson($)"), text),
        evaluated("$parse($states.input)", text),
    ):
        assert isinstance(result, list) if depth <= 100 else ("Invalid" in result or "limit" in result)


def test_v8_a_template_of_a_megabyte_compiles_in_linear_time() -> None:
    from engine.expressions.template import compile_template

    template = {f"key{at}.$": f"$.path{at}.to[{at}]" for at in range(25_000)}
    assert len(json.dumps(template)) > 900_000
    started = time.process_time()
    compile_template(template)
    assert time.process_time() - started < SECONDS_MAX
