"""Payload: an immutable JSON value that knows its own text and makes either form only when asked.

A chain of states that hands its input on never serialises it twice, and the size check costs a length.
The one JSON decoder of the whole system is here, so every door has the same policy (NaN, Infinity,
numbers beyond double range, lone surrogates and nesting beyond `JSON_DEPTH_MAX` are refused).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import orjson

JSON_DEPTH_MAX: Final = 512

# orjson turns integers beyond 64 bits into floats; only texts with a number that long take the slow decoder. Digits
# inside strings (ids, times in names) rarely look like this; one that does costs time, never correctness.
_LONG_NUMBER = re.compile(rb'(?:"\s*:|[\[,]|\A)\s*-?\d{19}')
_DIGITS = re.compile(rb"\d{19}")  # the quick look before the exact one
_MISSING: Final = object()
# Doubles that Java prints with an exponent: the quick looks begin with the rare mark and then look back.
_LARGE_OR_SMALL = re.compile(rb"\.(?:(?<=\d{8}\.)\d|(?<=0\.)00)")
_EXPONENT = re.compile(rb"e(?<=\de)[+-]?\d")
_STRING_OR_NUMBER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d[\d.e+-]*+', re.DOTALL)


class JsonError(ValueError):
    """The text is not JSON by our policy; the message says what and where."""


def decode_json(text: bytes | str) -> Any:
    """Read one JSON document.

    Raises:
        JsonError: not JSON, a number beyond double range, or nested deeper than `JSON_DEPTH_MAX`.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if data.count(b"[") + data.count(b"{") > JSON_DEPTH_MAX:
        _check_depth(data)
    try:
        # Also for the slow decoder, which by itself would let lone surrogates pass.
        value = orjson.loads(data)
        if _DIGITS.search(data) is None or _LONG_NUMBER.search(data) is None:
            return value
        return json.loads(data, parse_constant=_refuse_constant, parse_float=_finite_float)
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error)) from None


def encode_json(value: Any) -> bytes:
    """Write a value as compact JSON in UTF-8; integers of any size keep their digits, doubles look as in Java.

    Source: `"LastModified":1.789180622E9` in a child execution's input, `9.223372036854776E18` for 2^63 in JSONata.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    if _LARGE_OR_SMALL.search(text) is None and _EXPONENT.search(text) is None:
        return text
    return _STRING_OR_NUMBER.sub(_as_java, text)


def java_double(number: float) -> str:
    """A double as `Double.toString` prints it: `1.5`, `1.0E10`, `1.0E-5`."""
    digits = repr(number)
    if 1e-3 <= abs(number) < 1e7 or number == 0:
        return digits
    mantissa, _, exponent = digits.lower().partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    figures = (whole + fraction).lstrip("0")
    power -= len(whole + fraction) - len(figures) if whole == "0" else 0
    figures = figures.rstrip("0") or "0"
    return f"{sign}{figures[0]}.{figures[1:] or '0'}E{power}"


def _as_java(found: re.Match[bytes]) -> bytes:
    """A double as Java prints it; strings and integers as they are."""
    text = found.group()
    if text[0] == 0x22 or text.isdigit():
        return text
    return java_double(float(text)).encode() if b"." in text or b"e" in text else text


class Payload:
    """A JSON value with its compact text; both are made lazily and kept. Never change the value in place."""

    __slots__ = ("_text", "_value")

    def __init__(self, value: Any = _MISSING, text: bytes | None = None) -> None:
        """Give the value, the text, or both; they must agree. Use `of_text` for text from outside."""
        self._value = value
        self._text = text

    @classmethod
    def of_text(cls, text: bytes | str) -> Payload:
        """Read text from outside, keeping its very bytes.

        Raises:
            JsonError: as `decode_json`.
        """
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return cls(decode_json(data), data)

    @property
    def value(self) -> Any:
        """The JSON value: dict, list, str, int, float, bool or None. Shared, so never change it."""
        if self._value is _MISSING:
            assert self._text is not None
            self._value = decode_json(self._text)
        return self._value

    @property
    def text(self) -> bytes:
        """The JSON text in UTF-8."""
        if self._text is None:
            self._text = encode_json(self._value)
        return self._text

    @property
    def size_bytes(self) -> int:
        """Length of the text in UTF-8, which is what AWS's payload limit counts."""
        return len(self.text)

    def compact(self) -> Payload:
        """The same value with its text written by us: no blanks, our own escapes."""
        return Payload(self.value)

    def __eq__(self, other: object) -> bool:
        """Two payloads are equal when their texts are."""
        return isinstance(other, Payload) and self.text == other.text

    def __hash__(self) -> int:
        """Hash of the text."""
        return hash(self.text)

    def __repr__(self) -> str:
        """Size only: payloads are users' data and never reach a log by accident."""
        return f"Payload({self.size_bytes} bytes)"


EMPTY_OBJECT: Final = Payload({}, b"{}")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"number out of range: {digits[:40]}")
    return number


def _check_depth(data: bytes) -> None:
    """Count brackets outside strings, without recursion."""
    depth = 0
    for piece in _BRACKETS.finditer(data):
        mark = piece.group()[0]
        if mark in b"[{":
            depth += 1
            if depth > JSON_DEPTH_MAX:
                raise JsonError(f"nested deeper than {JSON_DEPTH_MAX} levels")
        elif mark in b"]}":
            depth -= 1


# A string is taken whole and never given back, also one without end: linear time whatever comes.
_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
