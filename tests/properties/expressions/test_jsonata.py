"""JSONata for any expression and data: JSON or a declared failure comes out, and the data stay as they are."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.expressions.jsonata import check_jsonata, compile_jsonata, variables_of_jsonata
from engine.expressions.jsonata.library import FUNCTIONS
from engine.expressions.scope import ExpressionSyntaxError
from engine.failure import StateError
from tests.unit.engine.expressions.scopes import scope

DATA: dict[str, Any] = {"a": [1, 2.5, {"b": [3, None, "x"]}], "b": {"c": "text", "d": True}, "e": "2026-01-01", "f": []}
LEAVES = st.sampled_from(
    ["1", "-2.5", '"a"', '""', "true", "null", "$states.input", "$states.input.a", "$states.input.b.c", "$v", "$x",
     "$states.context", "[]", "{}", "/a+/", "$nope", "function($x){$x}", "1e308", "[1..3]"]
)  # fmt: skip
BINARY = st.sampled_from([" + ", " * ", " / ", " % ", " & ", " = ", " < ", " and ", " in ", " ~> ", ".", " ?? ", "; "])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({}{}{})".format, inner, BINARY, inner),
        st.builds(lambda name, arguments: f"${name}({', '.join(arguments)})", st.sampled_from(sorted(FUNCTIONS)),
                  st.lists(inner, max_size=4)),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("[{},{}]".format, inner, inner),
        st.builds('{{"k": {}, "l": {}}}'.format, inner, inner),
        st.builds("{}{{$string($): {}}}".format, inner, inner),
        st.builds("{}^(>{})".format, inner, inner),
        st.builds("({} ~> |{}|{}|)".format, inner, inner, inner),
        st.builds("($x := {}; {})".format, inner, inner),
        st.builds("({})@$x#$v.({})".format, inner, inner),
        st.builds("$map({}, function($x, $v){{ {} }})".format, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    )  # fmt: skip


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=8)


def assert_json(value: Any) -> None:
    """Only plain JSON types, finite numbers, text that can be written."""
    assert value is None or type(value) in (dict, list, str, int, float, bool)
    if isinstance(value, float):
        assert math.isfinite(value)
    if isinstance(value, str):
        value.encode()
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        assert_json(member)


@given(EXPRESSIONS)
def test_an_expression_gives_json_or_a_declared_failure_and_changes_nothing(source: str) -> None:
    before = json.dumps(DATA)
    text = "{% " + source + " %}"
    check_jsonata(text)
    variables_of_jsonata(text)
    try:
        expression = compile_jsonata(text, "Output")
    except ExpressionSyntaxError:
        return
    try:
        assert_json(expression(scope(DATA, {"v": [4, {"w": 5}]})))
    except StateError as failure:
        assert failure.error == "States.QueryEvaluationError"
        assert failure.location == "Output"
    assert json.dumps(DATA) == before


@given(st.text("$ab1.()[]{}<>|^@#%*/+-=~:;,?!'\"`& \\x", max_size=30))
def test_any_text_parses_or_is_refused_with_a_message(source: str) -> None:
    for code, message in check_jsonata("{%" + source + "%}"):
        assert code.endswith("_JSONATA_EXPRESSION")
        assert message
