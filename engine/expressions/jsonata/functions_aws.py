"""Functions that the service adds to JSONata: `$partition`, `$range`, `$hash`, `$random`, `$uuid`, `$parse`.

Source: developer guide, "Transforming data with JSONata"; error codes measured on the service.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from typing import Any, Final

from engine.expressions.java_random import JavaRandom
from engine.expressions.jsonata.errors import OUT_OF_MEMORY, JsonataError, LimitExceeded
from engine.expressions.jsonata.functions_number import whole
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED
from engine.payload import JsonError, decode_json

RANGE_ELEMENTS_MAX: Final = 360_145
_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def partition(run: Run, items: Any, size: Any = UNDEFINED) -> Any:
    """`$partition`: chunks of a size, the last may be shorter."""
    if items is UNDEFINED:
        return UNDEFINED
    if not isinstance(items, list):
        raise JsonataError("T0412", index=1, value=items, type="arrays")
    if size is not UNDEFINED and size < 0:
        raise JsonataError("D3137", message="Second argument must be zero or greater")
    chunk = len(items) if size is UNDEFINED else math.trunc(size)
    if chunk == 0 or not items:
        return UNDEFINED
    run.hold(len(items))
    run.hold(len(items) // chunk)
    run.step(len(items) // chunk)
    return [items[at : at + chunk] for at in range(0, len(items), chunk)]


def number_range(run: Run, start: Any, end: Any, step: Any = UNDEFINED) -> Any:
    """`$range`: the end is included when it is hit."""
    if end is UNDEFINED and start is not UNDEFINED:
        raise JsonataError("T0410", index=2)
    if start is UNDEFINED or step is UNDEFINED:
        return UNDEFINED
    first, last, by = math.trunc(start), math.trunc(end), math.trunc(step)
    if by == 0:
        return UNDEFINED
    numbers = range(first, last + (1 if by > 0 else -1), by)
    if len(numbers) > RANGE_ELEMENTS_MAX:
        raise LimitExceeded(OUT_OF_MEMORY)
    run.hold(len(numbers))
    if not numbers:
        return UNDEFINED
    return list(numbers) if len(numbers) > 1 else numbers[0]


def digest(run: Run, text: Any, algorithm: Any = UNDEFINED) -> Any:
    """`$hash` in hexadecimal."""
    if text is UNDEFINED or algorithm is UNDEFINED:
        return UNDEFINED
    run.read(text, 128)
    if algorithm not in _ALGORITHMS:
        raise JsonataError("D3137", message=f"Unsupported hash algorithm: {algorithm}")
    return hashlib.new(_ALGORITHMS[algorithm], text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def random(run: Run, seed: Any = UNDEFINED) -> float:
    """`$random`: in [0, 1); with a seed as java.util.Random gives it."""
    if seed is UNDEFINED:
        return (int.from_bytes(run.scope.entropy(8), "big") >> 11) * 2.0**-53
    return JavaRandom(math.trunc(seed)).next_double()


def make_uuid(run: Run) -> str:
    """`$uuid`, version 4."""
    return str(uuid.UUID(bytes=run.scope.entropy(16), version=4))


def parse(run: Run, text: Any) -> Any:
    """`$parse`: a JSON text to its value; whole numbers lose their `.0`."""
    if text is UNDEFINED:
        return UNDEFINED
    run.read(text, 16)
    run.keep(text)
    try:
        value = decode_json(text)
        if "{" in text:
            json.loads(text, object_pairs_hook=_without_repeated_key)
        return _with_whole_numbers(value)
    except (JsonError, UnicodeEncodeError):
        raise JsonataError("D3137", message="Invalid JSON string passed to the parse function") from None


def _without_repeated_key(members: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in members}) < len(members):
        raise JsonError("a key is repeated")


def _with_whole_numbers(value: Any) -> Any:
    """The value, its floats without fraction made whole in place: it was made just now and is ours."""
    if isinstance(value, float):
        return whole(value)
    todo = [value]
    while todo:
        item = todo.pop()
        if not isinstance(item, (list, dict)):
            continue
        for place, member in enumerate(item) if isinstance(item, list) else list(item.items()):
            if isinstance(member, float):
                item[place] = whole(member)
            elif isinstance(member, (list, dict)):
                todo.append(member)
    return value
