"""Functions at the end of a JSONPath: `$.items.length()`, `$.prices.sum()`.

Source: the Jayway library's list of functions.
"""

from __future__ import annotations

import math
from typing import Any


def call_function(name: str, value: Any, arguments: tuple[str, ...]) -> Any:
    """Apply a function to the value before it.

    Raises:
        ValueError: the function cannot take the value; the message is the library's text.
    """
    if name in ("length", "size"):
        return len(value) if isinstance(value, (list, dict)) else None
    if name == "keys":
        return list(value) if isinstance(value, dict) else None
    if name == "append":
        return [*value, *arguments] if isinstance(value, list) else value
    if name == "concat":
        own = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        return "".join([*own, *arguments])
    if name in ("first", "last", "index"):
        return _element(name, value, arguments)
    return _aggregate(name, value)


def _element(name: str, value: Any, arguments: tuple[str, ...]) -> Any:
    if not isinstance(value, list) or not value:
        raise ValueError("Aggregation function attempted to calculate value using empty array")
    if name != "index":
        return value[0] if name == "first" else value[-1]
    at = int(arguments[0]) if arguments and arguments[0].lstrip("-").isdigit() and len(arguments[0]) < 10 else 0
    if not -len(value) <= at < len(value):
        raise ValueError(f"Index {at} out of bounds for length {len(value)}")
    return value[at]


def _aggregate(name: str, value: Any) -> Any:
    items = value if isinstance(value, list) else []
    numbers = [float(item) for item in items if isinstance(item, (int, float)) and not isinstance(item, bool)]
    if not numbers:
        raise ValueError("Aggregation function attempted to calculate value using empty array")
    if name == "min":
        return min(numbers)
    if name == "max":
        return max(numbers)
    total = math.fsum(numbers)
    if name == "sum":
        return total
    mean = total / len(numbers)
    if name == "avg":
        return mean
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))
