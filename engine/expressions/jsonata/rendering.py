"""Values as text: `$string`, concatenation, error texts. Numbers print as JavaScript prints them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from engine.expressions.jsonata.errors import (
    MESSAGES,
    OUT_OF_MEMORY,
    STACK_OVERFLOW,
    InternalError,
    JsonataError,
    LimitExceeded,
)
from engine.expressions.jsonata.values import UNDEFINED, Document, Function, is_number
from engine.limits import JSONATA_CHARACTERS_MAX
from engine.payload import JSON_DEPTH_MAX

if TYPE_CHECKING:
    from engine.expressions.jsonata.run import Run

NODES_MAX: Final = 1_000_000
_EXACT_MAX: Final = 2**63
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_MESSAGE_CHARACTERS_MAX: Final = 10_000


class Survey(NamedTuple):
    """What a value holds.

    Attributes:
        strange: sequences, functions, whole or infinite floats, integers beyond 64 bits, halves of surrogate pairs.
        fractions: floats.
        nodes: how many values it is made of.
    """

    strange: bool
    fractions: bool
    nodes: int


def number_text(number: int | float) -> str:
    """A number as JavaScript's `String(n)`: `1e+21`, `0.000001`, `1e-7`."""
    if number.__class__ is int and -_EXACT_MAX <= number < _EXACT_MAX:
        return str(number)
    value = float(number)
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    mantissa, _, exponent = f"{value!r}e0".partition("e")
    if "e" in exponent:
        exponent = exponent.partition("e")[0]
    sign, mantissa = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """Digits with the decimal point behind the given place, or an exponent where JavaScript writes one."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return (digits[0] if len(digits) == 1 else f"{digits[0]}.{digits[1:]}") + exponent


def rounded_number_text(number: int | float) -> str:
    """A number inside `$string`: fifteen significant digits unless it is whole."""
    if number.__class__ is float and not number.is_integer():
        return number_text(float(f"{number:.15g}"))
    return number_text(number)


def text_of(value: Any, run: Run, pretty: bool = False) -> str:
    """What `$string` gives for a value that is not undefined.

    Raises:
        JsonataError: D3001, D1001 for infinite numbers.
        LimitExceeded: too long or too deep.
    """
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is int or kind is float:
        if kind is float and not math.isfinite(value):
            raise JsonataError("D3001", value=value)
        return rounded_number_text(value)
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, Function):
        return ""
    if kind is Document:
        value = value[0]
    found = survey(value)
    run.step(found.nodes)
    if not (found.strange or found.fractions or pretty):
        try:
            text = orjson.dumps(value).decode()
        except (TypeError, ValueError):
            text = _written(value, pretty)
    else:
        text = _written(value, pretty)
    return run.text(text)


def loose_text(value: Any, run: Run) -> str:
    """A value as JavaScript's `String(x)`: arrays joined by commas, of functions only the kind.

    Raises:
        InternalError: an object has no such text.
        LimitExceeded: too long or too deep.
    """
    if isinstance(value, list):
        survey(value)
    return run.text(_loose(value))


def _loose(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join("" if item is None or item is UNDEFINED else _loose(item) for item in value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, dict):
        raise InternalError("an object is no text")
    return "undefined" if value is UNDEFINED else "[object Object]"


def survey(value: Any) -> Survey:
    """Walk a whole value within the limits and say what it holds beside plain JSON.

    Raises:
        LimitExceeded: too many nodes or characters, or nested too deeply.
    """
    strange = fractions = False
    nodes = characters = depth = 0
    level: list[Any] = [value]
    while level:
        depth += 1
        nodes += len(level)
        below: list[Any] = []
        for item in level:
            kind = item.__class__
            if kind is str:
                characters += len(item)
                if not item.isascii() and _HALF_PAIR.search(item):
                    strange = True
            elif kind is dict:
                below.extend(item.values())
                characters += sum(map(len, item))
            elif kind is list:
                below.extend(item)
            elif kind is float:
                fractions = True
                strange = strange or item.is_integer() or not math.isfinite(item)
            elif not (kind is bool or item is None or (kind is int and -_EXACT_MAX <= item < _EXACT_MAX)):
                strange = True
                if isinstance(item, list):
                    below.extend(item)
            if len(below) > NODES_MAX:
                raise LimitExceeded(OUT_OF_MEMORY)
        if nodes > NODES_MAX or characters > 4 * JSONATA_CHARACTERS_MAX:
            raise LimitExceeded(OUT_OF_MEMORY)
        if depth > JSON_DEPTH_MAX:
            raise LimitExceeded(STACK_OVERFLOW)
        level = below
    return Survey(strange, fractions, nodes)


def _written(value: Any, pretty: bool, number: Callable[[Any], str] = rounded_number_text) -> str:
    """JSON text by an own writer with a stack; functions are empty."""
    out: list[str] = []
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        if item.__class__ is _Text:
            out.append(item)
        elif isinstance(item, dict) and item:
            _open(todo, [(f"{_quoted(key)}:{' ' if pretty else ''}", member) for key, member in item.items()], "{}",
                  depth, pretty)  # fmt: skip
        elif isinstance(item, list) and item:
            _open(todo, [("", member) for member in item], "[]", depth, pretty)
        else:
            out.append(_scalar(item, number))
    return "".join(out)


class _Text(str):
    """Text that is already JSON."""

    __slots__ = ()


def _open(todo: list[tuple[Any, int]], members: list[tuple[str, Any]], brackets: str, depth: int, pretty: bool) -> None:
    inner, outer = ("\n" + "  " * (depth + 1), "\n" + "  " * depth) if pretty else ("", "")
    todo.append((_Text(outer + brackets[1]), depth))
    for at in range(len(members) - 1, -1, -1):
        name, member = members[at]
        todo.append((member, depth + 1))
        todo.append((_Text(f"{',' if at else brackets[0]}{inner}{name}"), depth))


def _scalar(item: Any, number: Callable[[Any], str]) -> str:
    if isinstance(item, str):
        return _quoted(item)
    if isinstance(item, (dict, list)):
        return "{}" if isinstance(item, dict) else "[]"
    if isinstance(item, bool) or item is None:
        return {True: "true", False: "false", None: "null"}[item]
    if isinstance(item, (int, float)):
        return number(item) if is_number(item) else "null"
    return '""' if isinstance(item, Function) else "null"


def _quoted(text: str) -> str:
    try:
        return orjson.dumps(text).decode()
    except (TypeError, ValueError):
        return json.dumps(text)


def render(value: Any) -> str:
    """A value inside an error text: JSON, cut where it is very long."""
    if value is UNDEFINED:
        return "undefined"
    try:
        survey(value)
    except LimitExceeded:
        return "..."
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    if isinstance(value, Function):
        return "function"
    try:
        return _written(value, False, number_text)[:_MESSAGE_CHARACTERS_MAX]
    except JsonataError:
        return "null"


def message_of(error: JsonataError) -> str:
    """The text of an error: `{{x}}` is a field as JSON, `{{{x}}}` as it is."""

    def filled(found: re.Match[str]) -> str:
        raw, rendered = found.groups()
        return str(error.fields.get(raw)) if raw else render(error.fields.get(rendered, UNDEFINED))

    return _FIELD.sub(filled, MESSAGES[error.code])


_FIELD: Final = re.compile(r"\{\{\{(\w+)\}\}\}|\{\{(\w+)\}\}")
