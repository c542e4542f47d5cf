"""What the service refuses in an expression when a definition is created, and which variables it mentions."""

from __future__ import annotations

import pytest

from engine.expressions.jsonata import check_jsonata, variables_of_jsonata

INVALID, UNSUPPORTED = "INVALID_JSONATA_EXPRESSION", "UNSUPPORTED_JSONATA_EXPRESSION"


def findings(source: str, has_result: bool = True, has_error_output: bool = False) -> list[tuple[str, str]]:
    return check_jsonata("{% " + source + " %}", has_result, has_error_output)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ("1 +", "Unexpected end of expression"),
        ("$x :=", "Unexpected end of expression"),
        ("", "Unexpected end of expression"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ('$match("a", /abc', "No terminating / in regular expression"),
        ('$match("a", /(?=a)/)', "Invalid regular expression: /(?=a)/"),
        (r'$match("a", /(a)\1/)', r"Invalid regular expression: /(a)\1/"),
    ],
)
def test_what_does_not_parse_is_invalid(source: str, message: str) -> None:
    assert findings(source) == [(INVALID, message)]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("phone", ["phone"]),
        ("-phone", ["phone"]),
        ("phone & 'x'", ["phone"]),
        ("$sum(phone)", ["phone"]),
        ("phone(1)", ["phone"]),
        ("[1..phone]", ["phone"]),
        ("(phone).other", ["phone"]),
        ("{phone: 1}", ["phone"]),
        ("($x := phone; $x)", ["phone"]),
        ("$map($states.input.a, function($y){ phone })", ["phone"]),
        ("$string($)", ["$"]),
        ("b & a & b.c", ["b", "a"]),
    ],
)
def test_names_at_the_top_level_are_not_supported(source: str, names: list[str]) -> None:
    expected = [(UNSUPPORTED, f"Reference to '{name}' at the top level is not supported.") for name in names]
    assert findings(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "$states.input.items[phone > 3]",
        "$states.input.a^(phone)",
        "$states.input.a{'k': phone}",
        "$states.input.a.(phone)",
        "$states.input ~> |phone|{'b': 1}|",
        "**.phone",
        "{'k': 1}.phone",
        "$states.input.a[$ > 1]",
        "$undefined + 1",
        "(" * 1000 + "1" + ")" * 1000,
    ],
    ids=lambda source: source[:40],
)
def test_names_behind_something_are_supported(source: str) -> None:
    assert findings(source) == []


def test_the_root_is_not_supported() -> None:
    assert findings("$states.input.a[$$.x]") == [(UNSUPPORTED, "Reference to '$$' is not supported.")]


@pytest.mark.parametrize(
    ("source", "has_result", "has_error_output", "message"),
    [
        ("$states.errorOutput.Cause", True, False, "Field '$states.errorOutput' does not exist."),
        ("$string($states.result)", False, False, "Field '$states.result' does not exist."),
        ("$states.errorOutput", False, True, None),
        ("$states.result", True, False, None),
    ],
)
def test_fields_of_states_exist_only_in_places(
    source: str, has_result: bool, has_error_output: bool, message: str | None
) -> None:
    expected = [] if message is None else [(UNSUPPORTED, message)]
    assert findings(source, has_result, has_error_output) == expected


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("$a + $b.c", {"a", "b"}),
        ("$states.input.a", set()),
        ("$sum($a)", {"a"}),
        ("($x := $a; $x + $y)", {"a", "y"}),
        ("$map($a, function($v, $i){ $v + $i + $k })", {"a", "k"}),
        ("$a@$p#$i.{'x': $p, 'y': $i}", {"a"}),
        ("1 +", set()),
    ],
)
def test_variables_of_the_machine(source: str, names: set[str]) -> None:
    assert variables_of_jsonata("{% " + source + " %}") == names
