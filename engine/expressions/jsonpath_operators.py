"""Comparison operators of JSONPath filters. A missing operand makes every comparison false, and `!=` and `nin` true.

Source: the Jayway library. The left side decides how a number and a text compare: a number on the left takes the
text as a number (`1 == '1.0'`), a text on the left takes the number as a text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.expressions.java_text import java_text
from engine.expressions.scope import MISSING


def equal_strictly(left: Any, right: Any) -> bool:
    """Deep equality in which true is not 1, but 1 is 1.0."""
    todo = [(left, right)]
    while todo:
        one, other = todo.pop()
        if isinstance(one, bool) or isinstance(other, bool):
            if one is not other:
                return False
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            todo.extend((one[key], other[key]) for key in one)
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            todo.extend(zip(one, other, strict=True))
        elif one != other:
            return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    if left is MISSING or right is MISSING:
        return False
    if isinstance(left, str) and _is_number(right):
        return left == java_text(right)
    if _is_number(left) and isinstance(right, str):
        try:
            return bool(left == float(right))
        except ValueError:
            return False
    return equal_strictly(left, right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def operator(left: Any, right: Any) -> bool:
        if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return compare(left, right)
        return False

    return operator


def _equal_strictly(left: Any, right: Any) -> bool:
    """`===`: equal and of one kind; 1 and 1.0 are both numbers."""
    same_kind = type(left) is type(right) or (_is_number(left) and _is_number(right))
    return left is not MISSING and same_kind and _equal(left, right)


def _matches(left: Any, right: Any) -> bool:
    """One side is a compiled pattern; the whole text must match. Numbers, true and false are taken as texts."""
    pattern, value = (left, right) if hasattr(left, "fullmatch") else (right, left)
    if not hasattr(pattern, "fullmatch") or not isinstance(value, (str, int, float)):
        return False
    return pattern.fullmatch(java_text(value)) is not None


def _in(left: Any, right: Any) -> bool:
    return left is not MISSING and isinstance(right, list) and any(_equal(left, item) for item in right)


def _subset(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and all(_in(item, right) for item in left)


def _any_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and any(_in(item, right) for item in left)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _in(right, left)


def _size(left: Any, right: Any) -> bool:
    """Of arrays and texts only; the fraction of the wanted size is cut off."""
    return isinstance(left, (list, str)) and _is_number(right) and len(left) == int(right)


def _empty(left: Any, right: Any) -> bool:
    return isinstance(left, (list, str, dict)) and isinstance(right, bool) and (len(left) == 0) == right


OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": _equal,
    "===": _equal_strictly,
    "!=": lambda left, right: not _equal(left, right),
    "!==": lambda left, right: not _equal_strictly(left, right),
    "<": _ordered(lambda left, right: bool(left < right)),
    "<=": _ordered(lambda left, right: bool(left <= right)),
    ">": _ordered(lambda left, right: bool(left > right)),
    ">=": _ordered(lambda left, right: bool(left >= right)),
    "=~": _matches,
    "in": _in,
    "nin": lambda left, right: isinstance(right, list) and not _in(left, right),
    "subsetof": _subset,
    "anyof": _any_of,
    "noneof": lambda left, right: isinstance(left, list) and isinstance(right, list) and not _any_of(left, right),
    "size": _size,
    "empty": _empty,
    "contains": _contains,
    "all": lambda left, right: isinstance(left, list) and isinstance(right, list) and _subset(right, left),
}
