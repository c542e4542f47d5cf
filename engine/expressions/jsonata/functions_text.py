"""Built-in functions on texts: substrings, patterns, splitting, encodings."""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from engine.expressions.jsonata.errors import OUT_OF_MEMORY, InternalError, JsonataError, LimitExceeded
from engine.expressions.jsonata.rendering import text_of
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED, is_number, narrowed

PADDING_MAX: Final = 262_144
_BLANKS = re.compile(r"[ \t\n\r]+")
_KEPT_IN_COMPONENT: Final = "-_.!~*'()"
_KEPT_IN_URL: Final = "-_.!~*'();/?:@&=+$,#"
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def string(run: Run, value: Any, pretty: Any = False) -> Any:
    """`$string`."""
    return UNDEFINED if value is UNDEFINED else text_of(value, run, pretty is True)


def substring(run: Run, text: Any, start: Any, length: Any = UNDEFINED) -> Any:
    """`$substring`: characters, not code units; a negative start counts from the end."""
    if text is UNDEFINED:
        return UNDEFINED
    if length is not UNDEFINED and (length <= 0 or start is UNDEFINED):
        return ""
    begin = 0 if start is UNDEFINED or len(text) + start < 0 else start
    if length is UNDEFINED:
        return text[_truncated(begin, 0) :]
    end = begin + length if begin >= 0 else len(text) + begin + length
    return text[_truncated(begin, 0) : _truncated(end, 0)]


def _truncated(number: Any, missing: int) -> int:
    if number is UNDEFINED:
        return missing
    return int(max(min(number, 2**53), -(2**53)))


def substring_before(run: Run, text: Any, marker: Any) -> Any:
    """`$substringBefore`."""
    if text is UNDEFINED:
        return UNDEFINED
    at = text.find(_marker(marker))
    return text if at < 0 else text[:at]


def substring_after(run: Run, text: Any, marker: Any) -> Any:
    """`$substringAfter`."""
    if text is UNDEFINED:
        return UNDEFINED
    wanted = _marker(marker)
    at = text.find(wanted)
    return text if at < 0 else text[at + len(wanted) :]


def _marker(marker: Any) -> str:
    return "undefined" if marker is UNDEFINED else str(marker)


def lowercase(run: Run, text: Any) -> Any:
    """`$lowercase`."""
    if text is UNDEFINED:
        return UNDEFINED
    run.read(text, 128)
    return run.text(text.lower())


def uppercase(run: Run, text: Any) -> Any:
    """`$uppercase`."""
    if text is UNDEFINED:
        return UNDEFINED
    run.read(text, 128)
    return run.text(text.upper())


def length(run: Run, text: Any) -> Any:
    """`$length` in characters."""
    return UNDEFINED if text is UNDEFINED else len(text)


def trim(run: Run, text: Any) -> Any:
    """`$trim`: blanks inside become one, those at the ends go."""
    if text is UNDEFINED:
        return UNDEFINED
    run.read(text, 16)
    narrow = _BLANKS.sub(" ", text)
    narrow = narrow.removeprefix(" ")
    return narrow.removesuffix(" ")


def pad(run: Run, text: Any, width: Any, filling: Any = UNDEFINED) -> Any:
    """`$pad`: to the right, or to the left with a negative width."""
    if text is UNDEFINED:
        return UNDEFINED
    filler = filling if filling is not UNDEFINED and filling else " "
    columns = _truncated(width, 0)
    missing = abs(columns) - len(text)
    if missing <= 0:
        return text
    if missing > PADDING_MAX:
        raise LimitExceeded(OUT_OF_MEMORY)
    padding = (filler * (missing // len(filler) + 1))[:missing]
    return run.text(text + padding if columns > 0 else padding + text)


# Encodings ----------------------------------------------------------------------------------------------------


def base64_encode(run: Run, text: Any) -> Any:
    """`$base64encode` of the UTF-8 bytes."""
    return UNDEFINED if text is UNDEFINED else run.text(base64.b64encode(text.encode("utf-8", "replace")).decode())


def base64_decode(run: Run, text: Any) -> Any:
    """`$base64decode`, padded or not; what is no Base64 is an internal error, as on the service."""
    if text is UNDEFINED:
        return UNDEFINED
    run.read(text, 128)
    padding = "" if "=" in text else "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text + padding, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise InternalError from None


def _encoded(run: Run, text: Any, kept: str, name: str) -> Any:
    if text is UNDEFINED:
        return UNDEFINED
    run.read(text, 8)
    try:
        return run.text(quote(text, safe=kept))
    except UnicodeEncodeError:
        raise JsonataError("D3140", value=text, functionName=name) from None


def encode_url_component(run: Run, text: Any) -> Any:
    """`$encodeUrlComponent`."""
    return _encoded(run, text, _KEPT_IN_COMPONENT, "encodeUrlComponent")


def encode_url(run: Run, text: Any) -> Any:
    """`$encodeUrl`."""
    return _encoded(run, text, _KEPT_IN_URL, "encodeUrl")


def _decoded(run: Run, text: Any, name: str, kept: str) -> Any:
    if text is UNDEFINED:
        return UNDEFINED
    run.read(text, 8)
    if _BAD_ESCAPE.search(text):
        raise JsonataError("D3140", value=text, functionName=name)
    guarded = re.sub("|".join(f"%{ord(mark):02X}" for mark in kept), lambda it: "%25" + it[0][1:], text, flags=re.I) \
        if kept else text  # fmt: skip
    try:
        return unquote_to_bytes(guarded).decode()
    except UnicodeDecodeError:
        raise JsonataError("D3140", value=text, functionName=name) from None


def decode_url_component(run: Run, text: Any) -> Any:
    """`$decodeUrlComponent`."""
    return _decoded(run, text, "decodeUrlComponent", "")


def decode_url(run: Run, text: Any) -> Any:
    """`$decodeUrl`: escapes of characters that have a meaning in URLs stay."""
    return _decoded(run, text, "decodeUrl", ";/?:@&=+$,#")


def number_of(run: Run, value: Any) -> Any:
    """`$number`."""
    if value is UNDEFINED or is_number(value):
        return value
    if isinstance(value, str):
        run.read(value, 64)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = float(value)
        if math.isfinite(number):
            return int(value) if _WHOLE.fullmatch(value) and len(value) < 16 else number
    elif isinstance(value, str) and _RADIX.fullmatch(value):
        return narrowed(int(value, 0))
    raise JsonataError("D3030", value=value, index=1)


_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
_RADIX = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+", re.ASCII)
