"""From a JSONata value to JSON: sequences become arrays, whole floats integers, infinite numbers texts."""

from __future__ import annotations

import math
from typing import Any, Final

import orjson
import re2

from engine.expressions.jsonata.rendering import survey
from engine.expressions.jsonata.values import UNDEFINED, Function, Sequence
from engine.expressions.scope import Scope

_LONG: Final = 2**63
_GLANCE_BYTES: Final = 16_384
_MAYBE_STRANGE: Final = re2.compile(rb"\.[0-9]*0(?:[^0-9]|$)|[0-9][eE]|[0-9]{19}")
"""Whole floats, exponents and very long integers, in numbers or in texts that look like them; Python's own engine takes
eight times as long."""


class UnsupportedResult(Exception):
    """The result is a function, or holds one."""


def finished(value: Any, scope: Scope | None = None) -> Any:
    """The JSON value that the service makes of a result that is not undefined.

    Raises:
        UnsupportedResult: a function.
        LimitExceeded: too large or too deep.
    """
    if not isinstance(value, (list, dict)):
        return _scalar(value)
    if value.__class__ is Sequence:
        value = list(value)
    return _rebuilt(value) if survey(value).strange else value


def finished_data(value: Any, scope: Scope) -> Any:
    """As `finished`, for a result that stands in the execution's own data as it is: its text shows what is strange."""
    if value.__class__ is not dict and value.__class__ is not list:
        return finished(value)
    return value if _is_plain(value) else finished(value)


def finished_input(value: Any, scope: Scope) -> Any:
    """As `finished_data`, for a part of the state's input, whose text is at hand: one look serves all parts."""
    if value.__class__ is not dict and value.__class__ is not list:
        return finished(value)
    if scope.input_is_plain is None:
        payload = scope.payload
        scope.input_is_plain = (
            payload is not None and payload.size_bytes <= _GLANCE_BYTES and _MAYBE_STRANGE.search(payload.text) is None
        )
    return value if scope.input_is_plain or _is_plain(value) else finished(value)


def _is_plain(value: Any) -> bool:
    try:
        return _MAYBE_STRANGE.search(orjson.dumps(value)) is None
    except TypeError:
        return False


def _scalar(value: Any) -> Any:
    kind = value.__class__
    if kind is str:
        return value if value.isascii() else _without_surrogates(value)
    if kind is float:
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return int(value) if value.is_integer() and -_LONG <= value < _LONG else value
    if kind is int and not -_LONG <= value < _LONG:
        return _double(value)
    if value is UNDEFINED:
        return None
    if isinstance(value, Function):
        raise UnsupportedResult
    return value


def _double(number: int) -> Any:
    try:
        return float(number)
    except OverflowError:
        return "Infinity" if number > 0 else "-Infinity"


def _without_surrogates(text: str) -> str:
    """Half of a surrogate pair is no character and could not be written down."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _rebuilt(value: Any) -> Any:
    """A copy in plain lists and dicts, made with a stack."""
    out: list[Any] = [None]
    todo: list[tuple[Any, Any, Any]] = [(out, 0, value)]
    while todo:
        container, place, item = todo.pop()
        if isinstance(item, dict):
            made: Any = dict.fromkeys(item)
            todo.extend((made, key, member) for key, member in item.items())
        elif isinstance(item, list):
            made = [None] * len(item)
            todo.extend((made, at, member) for at, member in enumerate(item))
        else:
            made = _scalar(item)
        container[place] = made
    return out[0]
