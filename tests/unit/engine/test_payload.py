"""One decoder for all doors, and payloads that keep their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.payload import JSON_DEPTH_MAX, JsonError, Payload, decode_json, encode_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("NaN", id="nan"),
        pytest.param("-Infinity", id="infinity"),
        pytest.param("[1,]", id="trailing-comma"),
        pytest.param("1e400", id="beyond-a-double"),
        pytest.param('"\\ud800"', id="lone-surrogate-escape"),
        pytest.param("[12345678901234567890, NaN]", id="nan-beside-a-long-number"),
        pytest.param("\ufeff{}", id="byte-order-mark"),
        pytest.param("{'a': 1}", id="single-quotes"),
        pytest.param("", id="empty"),
        pytest.param("[" * (JSON_DEPTH_MAX + 1) + "]" * (JSON_DEPTH_MAX + 1), id="too-deep"),
        pytest.param("[" * 100_000, id="a-hundred-thousand-deep"),
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        decode_json(text)


def test_nesting_up_to_the_limit_is_read() -> None:
    text = "[" * JSON_DEPTH_MAX + "]" * JSON_DEPTH_MAX
    assert encode_json(decode_json(text)).decode() == text


def test_brackets_inside_texts_do_not_count_as_nesting() -> None:
    assert decode_json('["' + "[" * 2000 + '"]') == ["[" * 2000]


@pytest.mark.parametrize("number", [2**53 + 1, 2**64 + 1, -(2**70), 10**40])
def test_integers_of_any_size_keep_their_digits(number: int) -> None:
    assert encode_json(decode_json(str(number))) == str(number).encode()


def test_a_fraction_of_zero_stays_a_fraction() -> None:
    assert encode_json(decode_json("[0.0,-0.0,1.5]")) == b"[0.0,-0.0,1.5]"


def test_text_from_outside_keeps_its_bytes_and_compact_rewrites_it() -> None:
    payload = Payload.of_text('{ "b": 1,  "a": [ ] }')
    assert payload.text == b'{ "b": 1,  "a": [ ] }'
    assert payload.compact().text == b'{"b":1,"a":[]}'


def test_size_counts_bytes_of_utf_8() -> None:
    assert Payload("é" * 10).size_bytes == 22


def test_a_payload_never_shows_its_data() -> None:
    assert "secret" not in repr(Payload({"secret": "secret"}))


@given(json_values)
def test_what_is_written_is_read_back(value: object) -> None:
    assert decode_json(encode_json(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345678.5, "1.23456785E7"),
        (1234567.5, "1234567.5"),
        (-1789180622.0, "-1.789180622E9"),
        (1e16, "1.0E16"),
        (1e300, "1.0E300"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (-0.00012, "-1.2E-4"),
        (1.5e-7, "1.5E-7"),
        (0.0, "0.0"),
        (12345678901234567890, "12345678901234567890"),
        ([2**70, 1e20, "1e20, 0.0001 and 12345678.5"], '[1180591620717411303424,1.0E20,"1e20, 0.0001 and 12345678.5"]'),
        ({"0.0001": 1e-5, '"': 1e7}, '{"0.0001":1.0E-5,"\\"":1.0E7}'),
        ("12345678.5", '"12345678.5"'),
    ],
)
def test_doubles_are_written_as_in_java(value: object, text: str) -> None:
    assert encode_json(value).decode() == text
    assert decode_json(text) == value
