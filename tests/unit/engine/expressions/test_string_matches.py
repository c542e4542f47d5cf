"""The patterns of StringMatches."""

from __future__ import annotations

import pytest

from engine.expressions.string_matches import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("foo*.log", "foo23.log", True),
        ("foo*.log", "foo.log", True),
        ("foo*.log", "foo.log.gz", False),
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a", "a", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ba*", "xabba", True),
        ("*ab*ba*", "xaba", False),
        ("**a**", "bab", True),
        (r"\*", "*", True),
        (r"\*", "x", False),
        (r"a\\*", "a\\b", True),
        (r"\a", "a", True),
        ("a\\", "a\\", True),
        ("é*", "été", True),
        ("*\n*", "a\nb", True),
    ],
)
def test_pattern(pattern: str, text: str, expected: bool) -> None:
    assert compile_pattern(pattern)(text) is expected


@pytest.mark.parametrize(("pattern", "value"), [("*", 1), ("*", None), (5, "5")])
def test_what_is_no_text_never_matches(pattern: object, value: object) -> None:
    assert compile_pattern(pattern)(value) is False
