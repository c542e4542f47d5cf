"""Timestamps as the service reads them."""

from __future__ import annotations

import pytest

from engine.expressions.timestamps import parse_timestamp


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", (0, "")),
        ("1970-01-01T00:00:00.120Z", (0, "12")),
        ("1969-12-31T23:59:59Z", (-1, "")),
        ("2016-03-14T01:59:00+01:00", (1457917140, "")),
        ("2016-12-31T23:59:60Z", (1483228800, "")),
    ],
)
def test_timestamp(text: str, moment: tuple[int, str]) -> None:
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize(
    "text",
    ["2012-10-09T19:00:55", "2012-10-09t19:00:55Z", "2012-10-09T19:00:55z", "2012-10-09 19:00:55Z", "2012-10-09", "",
     "2012-13-09T19:00:55Z", "2012-02-30T19:00:55Z", "2012-10-09T24:00:55Z", "2012-10-09T19:00:55+24:00",
     "2012-10-09T19:00:61Z", "٢٠١٢-10-09T19:00:55Z", "2012-10-09T19:00:55Z ", 5, None],
)  # fmt: skip
def test_what_is_no_timestamp(text: object) -> None:
    assert parse_timestamp(text) is None
