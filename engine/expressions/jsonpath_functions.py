"""Functions at the end of a JSONPath: `$.items.length()`, `$.prices.sum()`, `$.names.append('x')`.

Source: the Jayway library's list of functions. A `null` is what the library gives for a value without the property.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from engine.expressions.java_text import java_text

_EMPTY: Final = "Aggregation function attempted to calculate value using empty array"


def call_function(name: str, value: Any, arguments: Sequence[Any]) -> Any:
    """Apply a function to the value before it.

    Args:
        name: the function.
        value: what the path before it leads to.
        arguments: evaluated.

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
        return "".join([*own, *(java_text(item) for item in _flat(arguments) if item is not None)])
    if name in ("first", "last", "index"):
        return _element(name, value, arguments)
    items = value if isinstance(value, list) else []
    numbers = [float(item) for item in (*items, *_flat(arguments)) if _is_number(item)]
    if not numbers:
        raise ValueError(_EMPTY)
    result = _aggregate(name, numbers)
    if not math.isfinite(result):
        raise ValueError(f"The result of {name}() is beyond the range of a double")
    return result


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _flat(arguments: Sequence[Any]) -> list[Any]:
    """An argument that is an array counts as its items."""
    return [item for argument in arguments for item in (argument if isinstance(argument, list) else [argument])]


def _element(name: str, value: Any, arguments: Sequence[Any]) -> Any:
    if not isinstance(value, list) or not value:
        raise ValueError(_EMPTY)
    if name != "index":
        return value[0] if name == "first" else value[-1]
    at = int(arguments[0]) if arguments and _is_number(arguments[0]) else 0
    if not -len(value) <= at < len(value):
        raise ValueError(f"Index {at} out of bounds for length {len(value)}")
    return value[at]


def _aggregate(name: str, numbers: list[float]) -> float:
    """Added up one by one, as the library does, so that the last digits agree."""
    count, total = len(numbers), 0.0
    for number in numbers:
        total += number
    match name:
        case "min":
            return min(numbers)
        case "max":
            return max(numbers)
        case "sum":
            return total
        case "avg":
            return total / count
    squares = 0.0
    for number in numbers:
        squares += number * number
    return math.sqrt(max(squares / count - total * total / count / count, 0.0))
