"""What the page says about cases that fail."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from tests.e2e.conformance.recordings import floor
from tests.e2e.conformance.report import PAGE, Explanation, explanations, reasons, total_line

OLD, NEW = date(2023, 6, 22), date(2025, 1, 1)
KNOWN = [
    Explanation("Older than keys.", re.compile(r"\.key$"), re.compile(""), date(2024, 7, 25)),
    Explanation("Not built.", re.compile("."), re.compile("test_map"), date.max),
]


def differing(*places: str) -> dict[str, Any]:
    return {"passed": False, "differences": [{"where": place, "expected": 1, "got": 2} for place in places]}


@pytest.mark.parametrize(
    ("case", "recorded", "places", "found"),
    [
        pytest.param("test_a", OLD, ["x.key", "y.key"], ["Older than keys."], id="every-difference-is-covered"),
        pytest.param("test_a", OLD, ["x.key", "x.name"], [], id="one-is-not"),
        pytest.param("test_a", NEW, ["x.key"], [], id="the-recording-is-newer"),
        pytest.param("test_map_a", OLD, ["x.key", "x"], ["Older than keys.", "Not built."], id="two-reasons"),
        pytest.param("test_map_a", NEW, [""], ["Not built."], id="a-case-that-broke-off"),
    ],
)
def test_a_case_is_explained_if_all_of_it_is(case: str, recorded: date, places: list[str], found: list[str]) -> None:
    assert reasons(case, differing(*places), recorded, KNOWN) == found


def test_explanations_can_be_read() -> None:
    assert all(it.reason.endswith(".") for it in explanations())


def test_the_page_shows_the_score_that_is_held() -> None:
    text = PAGE.read_text("utf-8")
    assert total_line(floor()) in text
    for file, (passed, played) in floor().items():
        assert f"| `{file}` | {passed} | {played} |" in text
