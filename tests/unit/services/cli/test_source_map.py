"""A JSON pointer leads to the line and column where the value stands."""

from __future__ import annotations

import pytest

from services.cli.source_map import SourceMap

TEXT = """{
  "StartAt": "A",
  "States": {
    "a/b~c": {"Type": "Pass", "Items": [1, {"x": "}"}]},
    "é": true
  }
}
"""


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        pytest.param("", (1, 1), id="the-document"),
        pytest.param("/StartAt", (2, 3), id="a-member-begins-at-its-key"),
        pytest.param("/States/a~1b~0c", (4, 5), id="escaped-names"),
        pytest.param("/States/a~1b~0c/Items/1/x", (4, 45), id="inside-an-array"),
        pytest.param("/States/a/b~c/Items[1]/x", (4, 45), id="as-aws-writes-it"),
        pytest.param("/States/é", (5, 5), id="not-ascii"),
        pytest.param("/States/a~1b~0c/Next", (4, 5), id="a-missing-field-leads-to-its-object"),
        pytest.param("/States/a/b~c/Items[7]/x/y", (4, 31), id="a-missing-element-leads-to-its-array"),
        pytest.param("/Nowhere/at/all", (1, 1), id="unknown"),
        pytest.param(None, (1, 1), id="no-location"),
    ],
)
def test_find(pointer: str | None, expected: tuple[int, int]) -> None:
    places = SourceMap(TEXT)
    assert places.line_and_column(places.find(pointer).start) == expected


def test_a_text_that_breaks_off_is_read_as_far_as_it_goes() -> None:
    places = SourceMap('{\n "States": {\n  "A": {"Type": ')
    assert places.line_and_column(places.find("/States/A").start) == (3, 3)


def test_a_very_deep_text_is_read_without_recursion() -> None:
    assert SourceMap("[" * 100_000).find("/0/0").start == 2
