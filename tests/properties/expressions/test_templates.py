"""Templates and intrinsic calls for any input: a value or a declared failure, never anything else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.expressions.intrinsic_functions import FUNCTIONS
from engine.expressions.intrinsics import compile_intrinsic
from engine.expressions.scope import ExpressionSyntaxError
from engine.expressions.template import compile_template
from engine.failure import StateError
from tests.properties.expressions.test_paths_and_patterns import JSON
from tests.unit.engine.expressions.scopes import scope

ARGUMENTS = st.sampled_from(
    [
        "$.a",
        "$.b",
        "$",
        "$$.State",
        "$v",
        "1",
        "-1.5",
        "0",
        "2147483648",
        "'x'",
        "'{} {}'",
        "''",
        "null",
        "true",
        "'MD5'",
        "false",
    ]
)
CALLS = st.recursive(
    ARGUMENTS,
    lambda inner: st.builds(
        lambda name, arguments: f"States.{name}({', '.join(arguments)})",
        st.sampled_from(sorted(FUNCTIONS)),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)
TEMPLATES = st.recursive(
    st.integers()
    | st.dictionaries(st.sampled_from(["x.$", "y.$"]), CALLS.filter(lambda text: text[0] in "S$"), max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["p", "q"]), inner, max_size=2),
    max_leaves=6,
)


@given(TEMPLATES, JSON)
def test_a_template_gives_json_or_a_state_error(template: Any, document: Any) -> None:
    before = json.dumps([template, document])
    expression = compile_template(template)
    try:
        json.dumps(expression(scope(document, {"v": [1]})))
    except StateError as failure:
        assert failure.error in ("States.Runtime", "States.DataLimitExceeded")
    assert json.dumps([template, document]) == before


@given(st.text("States.Format(),'{}\\ $ab01-", max_size=30))
def test_any_text_is_a_call_or_a_syntax_error(text: str) -> None:
    try:
        expression = compile_intrinsic(text)
    except ExpressionSyntaxError:
        return
    try:
        expression(scope({"a": 1}))
    except StateError as failure:
        assert failure.error == "States.Runtime"
