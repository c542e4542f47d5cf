"""Texts and random numbers as Java makes them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.expressions.java_random import JavaRandom
from engine.expressions.java_text import java_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Id": "arn", "Name": "x"}, "{Id=arn, Name=x}"),
        ({"a": [1, "b", None, True, {}]}, "{a=[1, b, null, true, {}]}"),
        ([], "[]"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (1e7, "1.0E7"),
        (123456789.5, "1.234567895E8"),
        (0.00012, "1.2E-4"),
        (-1.5e-10, "-1.5E-10"),
        (1e300, "1.0E300"),
        (12345678901234567890, "12345678901234567890"),
        ("é", "é"),
    ],
)
def test_java_text(value: Any, text: str) -> None:
    assert java_text(value) == text


def test_depth_costs_no_recursion() -> None:
    value: Any = []
    for _ in range(50_000):
        value = [value]
    assert len(java_text(value)) == 100_002


@pytest.mark.parametrize(("seed", "first"), [(42, 0.7275636800328681), (0, 0.730967787376657), (7, 0.7306990420600421)])
def test_doubles_of_a_seed(seed: int, first: float) -> None:
    assert math.isclose(JavaRandom(seed).next_double(), first, rel_tol=0)


def test_integers_of_a_seed() -> None:
    luck = JavaRandom(42)
    assert [luck.next_below(10) for _ in range(5)] == [0, 3, 8, 4, 0]
