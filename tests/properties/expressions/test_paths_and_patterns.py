"""Reference paths, JSONPath and StringMatches for any document, path and pattern."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.expressions.jsonpath import compile_path
from engine.expressions.reference_path import compile_reference_path
from engine.expressions.scope import ExpressionSyntaxError
from engine.expressions.string_matches import compile_pattern
from engine.failure import StateError
from tests.unit.engine.expressions.scopes import scope

NAMES = st.text("abc_", min_size=1, max_size=3)
NUMBERS = st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([10**300, -1e308])
SCALARS = st.none() | st.booleans() | NUMBERS | NAMES
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
STEPS = st.lists(NAMES, min_size=1, max_size=4)


@given(JSON, STEPS, JSON)
def test_what_is_put_is_found_and_the_document_stays(document: Any, steps: list[str], value: Any) -> None:
    before = json.dumps(document)
    text = "$" + "".join(f".{step}" for step in steps)
    try:
        changed = compile_reference_path(text).put(document, value)
    except StateError as conflict:
        assert conflict.error == "States.ReferencePathConflict"
        return
    assert compile_path(text)(scope(changed)) == value
    assert json.dumps(document) == before


TOKENS = (
    ".a", ".b", "..a", ".*", "[*]", "[0]", "[-1]", "[1:]", "[0,1]", "['a','b']", "[?(@.a)]", "[?(@.a > 1)]",
    "[?(@.a[?(@.b == 1)])]", "[?(@ == '1' || 1 == @)]", "[?(@.a =~ /.*1/)]", "[?(@.a nin [1, 'a'])]", "[?(@ size 1)]",
    "[?(@.a empty true)]", "[?(!(@ subsetof $.a))]", "[?(@ === $.b)]",
)  # fmt: skip
FUNCTIONS = (
    "", "", ".length()", ".keys()", ".sum()", ".min(1)", ".max($.a)", ".avg()", ".stddev($..a)", ".concat('x', $.b)",
    ".append(1, $.a)", ".first()", ".index(-1)",
)  # fmt: skip


@given(JSON, st.lists(st.sampled_from(TOKENS), max_size=4), st.sampled_from(FUNCTIONS))
def test_any_path_gives_a_value_or_a_state_error(document: Any, tokens: list[str], function: str) -> None:
    try:
        expression = compile_path("$" + "".join(tokens) + function)
    except ExpressionSyntaxError:
        return
    try:
        json.dumps(expression(scope(document)), allow_nan=False)
    except StateError as failure:
        assert failure.error == "States.Runtime"


@given(st.text("$.[]*?()@'\",:ab0-!=<&| ", max_size=20))
def test_any_text_is_a_path_or_a_syntax_error(text: str) -> None:
    try:
        expression = compile_path(text)
    except ExpressionSyntaxError:
        return
    try:
        expression(scope({"a": [{"b": 0}]}))
    except StateError as failure:
        assert failure.error == "States.Runtime"


def slow_match(pattern: str, text: str) -> bool:
    """By trying every way, one mark at a time."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(slow_match(pattern[1:], text[at:]) for at in range(len(text) + 1))
    if pattern[0] == "\\" and len(pattern) > 1:
        return text[:1] == pattern[1] and slow_match(pattern[2:], text[1:])
    return text[:1] == pattern[0] and slow_match(pattern[1:], text[1:])


@given(st.text("ab*\\", max_size=7), st.text("ab*\\", max_size=8))
def test_string_matches_agrees_with_a_slow_oracle(pattern: str, text: str) -> None:
    assert compile_pattern(pattern)(text) is slow_match(pattern, text)
