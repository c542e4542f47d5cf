"""What each `States.*` function does with evaluated arguments; the table `FUNCTIONS` names them all.

Sizes are checked before a result is built. Source: developer guide, "Intrinsic functions"; recordings
`intrinsic_functions/*`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
import uuid
from collections.abc import Callable
from typing import Any, Final, NoReturn

import orjson

from engine.expressions.java_random import JavaRandom
from engine.expressions.java_text import java_text
from engine.expressions.scope import Entropy
from engine.failure import DATA_LIMIT_EXCEEDED, StateError
from engine.limits import ARRAY_RANGE_ELEMENTS_MAX, BASE64_CHARACTERS_MAX, HASH_CHARACTERS_MAX
from engine.payload import JsonError, decode_json, encode_json

FORMAT_CHARACTERS_MAX: Final = 1 << 22
_INT_MIN: Final = -(2**31)
_INT_MAX: Final = 2**31 - 1

_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_TEMPLATE_PIECE = re.compile(r"\\(.)|(\{\})", re.DOTALL)

Intrinsic = Callable[[list[Any], Entropy], Any]


class InvalidArguments(Exception):
    """The function cannot take these arguments.

    Attributes:
        function: the name without `States.`.
    """

    def __init__(self, function: str) -> None:
        """Keep the name."""
        super().__init__(function)
        self.function = function


def _refuse(function: str) -> NoReturn:
    raise InvalidArguments(function)


def _take(function: str, arguments: list[Any], least: int, most: int | None = None) -> list[Any]:
    if not least <= len(arguments) <= (least if most is None else most):
        _refuse(function)
    return arguments


def _number(function: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _refuse(function)
    return value


def _rounded(function: str, value: Any) -> int:
    """A number rounded half up, in 32 bits."""
    number = _number(function, value)
    whole = number if isinstance(number, int) else math.floor(number + 0.5)
    if not _INT_MIN <= whole <= _INT_MAX:
        _refuse(function)
    return whole


def _text(function: str, value: Any) -> str:
    if not isinstance(value, str):
        _refuse(function)
    return value


def _array(function: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        _refuse(function)
    return value


def _format(arguments: list[Any], entropy: Entropy) -> str:
    """Fill the `{}` of the template; a backslash protects a brace, a quote or itself."""
    if not arguments:
        _refuse("Format")
    template = _text("Format", arguments[0])
    values = iter(arguments[1:])
    pieces: list[str] = []
    length = at = filled = 0
    for found in _TEMPLATE_PIECE.finditer(template):
        pieces.append(template[at : found.start()])
        at = found.end()
        if found[2] is None:
            pieces.append(found[1])
            continue
        filled += 1
        if filled >= len(arguments):
            _refuse("Format")
        piece = java_text(next(values))
        length += len(piece)
        if length > FORMAT_CHARACTERS_MAX:
            raise StateError(
                DATA_LIMIT_EXCEEDED, f"States.Format makes a text of more than {FORMAT_CHARACTERS_MAX} characters"
            )
        pieces.append(piece)
    if filled != len(arguments) - 1:
        _refuse("Format")
    pieces.append(template[at:])
    return "".join(pieces)


def _string_to_json(arguments: list[Any], entropy: Entropy) -> Any:
    text = _text("StringToJson", _take("StringToJson", arguments, 1)[0])
    if not text.strip():
        return None
    try:
        value = decode_json(text)
    except JsonError:
        _refuse("StringToJson")
    # JSON's -0 is a double for the decoder and an integer zero for the service.
    return 0 if value == 0 and not isinstance(value, bool) and text.strip() == "-0" else value


def _json_to_string(arguments: list[Any], entropy: Entropy) -> str:
    return encode_json(_take("JsonToString", arguments, 1)[0]).decode()


def _make_array(arguments: list[Any], entropy: Entropy) -> list[Any]:
    return arguments


def _array_partition(arguments: list[Any], entropy: Entropy) -> list[Any]:
    _take("ArrayPartition", arguments, 2)
    array, size = _array("ArrayPartition", arguments[0]), _rounded("ArrayPartition", arguments[1])
    if size <= 0:
        _refuse("ArrayPartition")
    return [array[at : at + size] for at in range(0, len(array), size)]


def _array_contains(arguments: list[Any], entropy: Entropy) -> bool:
    """As in Java, an integer and a double are never the same value."""
    _take("ArrayContains", arguments, 2)
    wanted = _sorted_text(arguments[1])
    return any(_sorted_text(item) == wanted for item in _array("ArrayContains", arguments[0]))


def _array_range(arguments: list[Any], entropy: Entropy) -> list[int]:
    _take("ArrayRange", arguments, 3)
    first, last, step = (_rounded("ArrayRange", argument) for argument in arguments)
    if step == 0:
        _refuse("ArrayRange")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > ARRAY_RANGE_ELEMENTS_MAX:
        _refuse("ArrayRange")
    return list(numbers)


def _array_get_item(arguments: list[Any], entropy: Entropy) -> Any:
    _take("ArrayGetItem", arguments, 2)
    array, at = _array("ArrayGetItem", arguments[0]), _rounded("ArrayGetItem", arguments[1])
    if not 0 <= at < len(array):
        _refuse("ArrayGetItem")
    return array[at]


def _array_length(arguments: list[Any], entropy: Entropy) -> int:
    return len(_array("ArrayLength", _take("ArrayLength", arguments, 1)[0]))


def _array_unique(arguments: list[Any], entropy: Entropy) -> list[Any]:
    """First occurrences, in order; equal JSON texts with sorted keys are the same value."""
    seen: dict[bytes, Any] = {}
    for item in _array("ArrayUnique", _take("ArrayUnique", arguments, 1)[0]):
        seen.setdefault(_sorted_text(item), item)
    return list(seen.values())


def _sorted_text(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True).encode()


def _base64_encode(arguments: list[Any], entropy: Entropy) -> str:
    text = _text("Base64Encode", _take("Base64Encode", arguments, 1)[0])
    if len(text) > BASE64_CHARACTERS_MAX:
        _refuse("Base64Encode")
    return base64.b64encode(text.encode()).decode()


def _base64_decode(arguments: list[Any], entropy: Entropy) -> str:
    text = _text("Base64Decode", _take("Base64Decode", arguments, 1)[0])
    if len(text) > BASE64_CHARACTERS_MAX:
        _refuse("Base64Decode")
    if "=" not in text:
        # The padding may be left out.
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        _refuse("Base64Decode")


def _hash(arguments: list[Any], entropy: Entropy) -> str:
    _take("Hash", arguments, 2)
    data, algorithm = arguments
    if algorithm not in _ALGORITHMS if isinstance(algorithm, str) else True:
        _refuse("Hash")
    text = data if isinstance(data, str) else encode_json(data).decode()
    if len(text) > HASH_CHARACTERS_MAX:
        _refuse("Hash")
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _json_merge(arguments: list[Any], entropy: Entropy) -> dict[str, Any]:
    _take("JsonMerge", arguments, 3)
    first, second, deep = arguments
    if not isinstance(first, dict) or not isinstance(second, dict) or deep is not False:
        _refuse("JsonMerge")
    return {**first, **second}


def _math_random(arguments: list[Any], entropy: Entropy) -> int:
    _take("MathRandom", arguments, 2, 3)
    start, end = _rounded("MathRandom", arguments[0]), _rounded("MathRandom", arguments[1])
    if start >= end:
        _refuse("MathRandom")
    if len(arguments) == 3:
        return start + JavaRandom(_rounded("MathRandom", arguments[2])).next_below(end - start)
    return start + int.from_bytes(entropy(8), "big") % (end - start)


def _math_add(arguments: list[Any], entropy: Entropy) -> int:
    _take("MathAdd", arguments, 2)
    return _rounded("MathAdd", sum(_rounded("MathAdd", argument) for argument in arguments))


def _string_split(arguments: list[Any], entropy: Entropy) -> list[str]:
    """Every character of the second text splits; empty pieces are dropped."""
    _take("StringSplit", arguments, 2)
    text, delimiters = (_text("StringSplit", argument) for argument in arguments)
    if not delimiters:
        return [text] if text else []
    first = delimiters[0]
    table = str.maketrans(dict.fromkeys(delimiters, first))
    return [piece for piece in text.translate(table).split(first) if piece]


def _uuid(arguments: list[Any], entropy: Entropy) -> str:
    _take("UUID", arguments, 0)
    return str(uuid.UUID(bytes=entropy(16), version=4))


FUNCTIONS: Final[dict[str, Intrinsic]] = {
    "Format": _format,
    "StringToJson": _string_to_json,
    "JsonToString": _json_to_string,
    "Array": _make_array,
    "ArrayPartition": _array_partition,
    "ArrayContains": _array_contains,
    "ArrayRange": _array_range,
    "ArrayGetItem": _array_get_item,
    "ArrayLength": _array_length,
    "ArrayUnique": _array_unique,
    "Base64Encode": _base64_encode,
    "Base64Decode": _base64_decode,
    "Hash": _hash,
    "JsonMerge": _json_merge,
    "MathRandom": _math_random,
    "MathAdd": _math_add,
    "StringSplit": _string_split,
    "UUID": _uuid,
}
