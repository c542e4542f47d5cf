"""What the service's JSON parser says, and where."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.asl.jackson import find_json_error, jackson_message
from engine.payload import JsonError, decode_json

VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("not a definition", f"Unrecognized token 'not': was expecting {VALUES}", 1, 4),
        ("{'not': 'json'",
         "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1, 3),
        ('{"a":1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 1, 9),
        ('{"a" 1}',
         "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 1, 7),
        ('{"a":1\n "b":2}',
         "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries", 2, 3),
        ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 1, 5),
        ("[1,]", f"Unexpected character (']' (code 93)): expected a valid value {VALUES}", 1, 5),
        ('{"a":}', "Unexpected character ('}' (code 125)): expected a value", 1, 7),
        ('"abc', "Unexpected end-of-input: was expecting closing quote for a string value", 1, 5),
        ('{"a', "Unexpected end-of-input in field name", 1, 4),
        ('{"a":', "Unexpected end-of-input within/between Object entries", 1, 6),
        ('"a\tb"', ("Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash "
                   "to be included in string value"), 1, 4),
        ('"a\nb"', ("Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash "
                   "to be included in string value"), 1, 4),
        ('"\\x"', "Unrecognized character escape 'x' (code 120)", 1, 4),
        ('"\\u00g0"',
         "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence", 1, 7),
        ("01", "Invalid numeric value: Leading zeroes not allowed", 1, 3),
        ("-x", ("Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, "
               "for valid numeric value"), 1, 3),
        ("[1.]", "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit", 1, 5),
        ("[1e+]",
         "Unexpected character (']' (code 93)) in numeric value: Exponent indicator not followed by a digit", 1, 6),
        ("nul", f"Unrecognized token 'nul': was expecting {VALUES}", 1, 4),
        ("truex", f"Unrecognized token 'truex': was expecting {VALUES}", 1, 6),
        ("NaN", "Non-standard token 'NaN': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow", 1, 4),
        ("{}\r\nx", f"Unrecognized token 'x': was expecting {VALUES}", 2, 2),
        ("\ufeff{}", f"Unexpected character ('\ufeff' (code 65279 / 0xfeff)): expected a valid value {VALUES}", 1, 2),
        ("", "No content to map due to end-of-input", 1, 1),
    ],
)  # fmt: skip
def test_messages(text: str, message: str, line: int, column: int) -> None:
    error = find_json_error(text)
    assert error is not None
    assert error.message == message == jackson_message(text)
    assert error.location.endswith(f"; line: {line}, column: {column}]")


def test_an_open_bracket_is_named_with_its_place() -> None:
    error = find_json_error('{"a":[1')
    assert error is not None
    where = '[Source: (String)"{"a":[1"; line: 1, column: '
    assert error.message == f"Unexpected end-of-input: expected close marker for Array (start marker at {where}6])"
    assert error.location == f"{where}8]"


def test_a_wrong_closing_bracket_is_named_with_its_place() -> None:
    message = jackson_message('{"a":[1}')
    where = '[Source: (String)"{"a":[1}"; line: 1, column: 6]'
    assert message == f"Unexpected close marker '}}': expected ']' (for Array starting at {where})"


def test_a_long_source_is_cut_after_500_characters() -> None:
    error = find_json_error("x" * 600)
    assert error is not None
    assert error.location == f'[Source: (String)"{"x" * 500}"[truncated 100 chars]; line: 1, column: 257]'
    assert error.message == f"Unrecognized token '{'x' * 256}...': was expecting {VALUES}"


def test_a_very_long_source_is_not_shown() -> None:
    error = find_json_error("[" + "1," * 20_000 + "]")
    assert error is not None
    assert error.location == "[Source: (StringReader); line: 1, column: 40003]"


@settings(max_examples=300, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False, width=16) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.data())  # fmt: skip
def test_it_agrees_with_the_decoder_on_what_is_json(value: object, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=False)
    at = data.draw(st.integers(0, len(text)))
    spoiled = text[:at] + data.draw(st.sampled_from(["", '"', ",", "{", "]", "1", "\\", "\n", "t", ":"])) + text[at:]
    try:
        decode_json(spoiled)
    except JsonError:
        assert find_json_error(spoiled) is not None
    else:
        assert find_json_error(spoiled) is None
