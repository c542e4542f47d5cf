"""Writing into a document by a reference path."""

from __future__ import annotations

from typing import Any

import pytest

from engine.expressions.reference_path import compile_reference_path
from engine.failure import StateError


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        ("$", {"a": 1}, 9),
        ("$.b", {"a": 1}, {"a": 1, "b": 9}),
        ("$.a.b.c", {"a": {"x": 1}}, {"a": {"x": 1, "b": {"c": 9}}}),
        ("$['a b'][\"c\"]", {}, {"a b": {"c": 9}}),
        ("$.a[1]", {"a": [1, 2]}, {"a": [1, 9]}),
        ("$.a[0].b", {"a": [{}]}, {"a": [{"b": 9}]}),
    ],
)
def test_put(path: str, document: Any, expected: Any) -> None:
    assert compile_reference_path(path).put(document, 9) == expected


@pytest.mark.parametrize(
    ("path", "document"), [("$.child", 4), ("$.a.b", {"a": 1}), ("$.a[2]", {"a": [1]}), ("$[0]", {})]
)
def test_a_place_that_cannot_be(path: str, document: Any) -> None:
    with pytest.raises(StateError) as failure:
        compile_reference_path(path).put(document, 9)
    assert failure.value.error == "States.ReferencePathConflict"
    assert str(failure.value.cause).startswith(f"Unable to apply ReferencePath {path} to input ")


def test_what_is_not_on_the_way_is_shared() -> None:
    document = {"a": {"b": 1}, "big": [1, 2, 3]}
    changed = compile_reference_path("$.a.c").put(document, 9)
    assert changed["big"] is document["big"]
    assert document == {"a": {"b": 1}, "big": [1, 2, 3]}
