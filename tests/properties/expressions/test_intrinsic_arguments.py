"""Every intrinsic function with any arguments: a JSON value or one of the two errors, never an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.expressions.intrinsic_functions import FUNCTIONS
from engine.expressions.jsonpath import compile_path
from engine.failure import StateError
from engine.payload import decode_json, encode_json
from tests.properties.expressions.test_paths_and_patterns import JSON
from tests.unit.engine.expressions.scopes import scope

FITTING = st.sampled_from(
    [
        "SHA-256",
        "{} {}",
        "{}",
        "aGk=",
        '{"a": [1e400]}',
        "[1e5, 10000000000000000000000]",
        "é𝄞",
        2,
        1.5,
        -0.5,
        False,
        [3, 1],
    ]
)


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(JSON | FITTING, max_size=4))
def test_any_arguments_give_a_value_or_a_state_error(name: str, arguments: list[Any]) -> None:
    call = f"States.{name}({', '.join(f'$.a{index}' for index in range(len(arguments)))})"
    document = {f"a{index}": argument for index, argument in enumerate(arguments)}
    try:
        value = compile_path(call)(scope(document))
    except StateError as failure:
        assert failure.error in {"States.Runtime", "States.DataLimitExceeded"}
        return
    assert decode_json(encode_json(value)) == value
