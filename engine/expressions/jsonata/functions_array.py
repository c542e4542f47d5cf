"""Built-in functions on arrays and objects, among them those that take a function."""

from __future__ import annotations

from typing import Any

import orjson

from engine.expressions.jsonata.calls import apply, call_with
from engine.expressions.jsonata.errors import OUT_OF_MEMORY, JsonataError, LimitExceeded
from engine.expressions.jsonata.operators import code_units
from engine.expressions.jsonata.rendering import text_of
from engine.expressions.jsonata.run import RETAINED_CHARACTERS_MAX, Run
from engine.expressions.jsonata.sequences import append as appended
from engine.expressions.jsonata.sequences import lookup as looked_up
from engine.expressions.jsonata.sorting import merge_sort
from engine.expressions.jsonata.values import (
    UNDEFINED,
    Function,
    Sequence,
    equal,
    is_number,
    is_number_list,
    is_text_list,
    truth,
)


def count(run: Run, items: Any) -> int:
    """`$count`."""
    return 0 if items is UNDEFINED else len(items)


def boolean(run: Run, value: Any) -> Any:
    """`$boolean`."""
    return UNDEFINED if value is UNDEFINED else truth(value, run)


def negation(run: Run, value: Any) -> Any:
    """`$not`."""
    return UNDEFINED if value is UNDEFINED else not truth(value, run)


def exists(run: Run, value: Any) -> bool:
    """`$exists`."""
    return value is not UNDEFINED


def append(run: Run, left: Any, right: Any) -> Any:
    """`$append`."""
    return appended(left, right, run)


def reverse(run: Run, items: Any) -> Any:
    """`$reverse`."""
    if items is UNDEFINED or len(items) < 2:
        return items
    run.step(len(items) >> 6)
    return items[::-1]


def distinct(run: Run, items: Any) -> Any:
    """`$distinct`: first occurrences, in order."""
    if not isinstance(items, list) or len(items) < 2:
        return items
    results: list[Any] = Sequence() if isinstance(items, Sequence) else []
    seen: dict[Any, list[Any]] = {}
    for item in items:
        run.step(1 + (len(item) if isinstance(item, dict) else 0))
        if item.__class__ is str:
            run.read(item)
        # Only values of one kind can be equal; scalars are found at once.
        key = (item.__class__ is bool, item) if isinstance(item, (str, int, float)) or item is None else _shape(item)
        alike = seen.setdefault(key, [])
        if not any(equal(item, other, run) for other in alike):
            alike.append(item)
            results.append(item)
        run.step(len(alike))
    return results


def _shape(item: Any) -> Any:
    if isinstance(item, dict):
        return ("object", *sorted(item))
    return ("array", len(item)) if isinstance(item, list) else id(item)


def zipped(run: Run, *arrays: Any) -> list[Any]:
    """`$zip`."""
    if not all(isinstance(array, list) for array in arrays):
        return []
    run.hold(len(arrays) * min(map(len, arrays), default=0))
    return [list(items) for items in zip(*arrays, strict=False)]


def sort(run: Run, items: Any, comparator: Any = UNDEFINED) -> Any:
    """`$sort`: stable; the function says whether its first argument comes after the second."""
    if items is UNDEFINED or len(items) < 2:
        return items
    if comparator is not UNDEFINED:
        return merge_sort(items, lambda one, other: truth(apply(comparator, [one, other], None, run), run), run)
    run.step(len(items))
    if is_number_list(items):
        return sorted(items)
    if is_text_list(items):
        characters = sum(map(len, items))
        if characters > RETAINED_CHARACTERS_MAX:
            raise LimitExceeded(OUT_OF_MEMORY)
        run.step(characters * len(items).bit_length() >> 10)
        return sorted(items) if all(map(str.isascii, items)) else sorted(items, key=code_units)
    raise JsonataError("D3070", index=1)


def shuffle(run: Run, items: Any) -> Any:
    """`$shuffle`."""
    if items is UNDEFINED or len(items) < 2:
        return items
    result = list(items)
    run.step(len(items))
    luck = run.scope.entropy(8 * len(items))
    for at in range(len(result) - 1, 0, -1):
        other = int.from_bytes(luck[8 * at : 8 * at + 8], "big") % (at + 1)
        result[at], result[other] = result[other], result[at]
    return result


# With a function ----------------------------------------------------------------------------------------------


def mapped(run: Run, items: Any, function: Any) -> Any:
    """`$map`."""
    if items is UNDEFINED:
        return UNDEFINED
    found = Sequence()
    for at, item in enumerate(items):
        value = call_with(function, run, item, at, items)
        if value is not UNDEFINED:
            run.keep(value)
            found.append(value)
    run.hold(len(found))
    return found


def filtered(run: Run, items: Any, function: Any) -> Any:
    """`$filter`."""
    if items is UNDEFINED:
        return UNDEFINED
    found = Sequence()
    for at, item in enumerate(items):
        if truth(call_with(function, run, item, at, items), run):
            found.append(item)
    run.hold(len(found))
    return found


def single(run: Run, items: Any, function: Any = UNDEFINED) -> Any:
    """`$single`: exactly one item must fit."""
    if items is UNDEFINED:
        return UNDEFINED
    found: list[Any] = []
    for at, item in enumerate(items):
        if function is UNDEFINED or truth(call_with(function, run, item, at, items), run):
            found.append(item)
            if len(found) > 1:
                raise JsonataError("D3138", index=at)
    if not found:
        raise JsonataError("D3139")
    return found[0]


def reduced(run: Run, items: Any, function: Any, start: Any = UNDEFINED) -> Any:
    """`$reduce`."""
    if items is UNDEFINED:
        return UNDEFINED
    if not isinstance(function, Function):
        raise JsonataError("T1006")
    if function.arity < 2:
        raise JsonataError("D3050", index=1)
    at, result = 0, start
    if start is UNDEFINED and items:
        at, result = 1, items[0]
    for index in range(at, len(items)):
        arguments = [result, items[index], index, items][: max(2, min(4, function.arity))]
        result = apply(function, arguments, None, run)
    return result


def each(run: Run, value: Any, function: Any) -> Any:
    """`$each`."""
    found = Sequence()
    for key, member in list(value.items()) if isinstance(value, dict) else ():
        answer = call_with(function, run, member, key, value)
        if answer is not UNDEFINED:
            run.keep(answer)
            found.append(answer)
    run.hold(len(found))
    return found


def sift(run: Run, value: Any, function: Any = UNDEFINED) -> Any:
    """`$sift`: the members for which the function is true."""
    found = {
        key: member
        for key, member in (value.items() if isinstance(value, dict) else ())
        if truth(call_with(function, run, member, key, value), run)
    }
    return found or UNDEFINED


# Objects ------------------------------------------------------------------------------------------------------


def keys(run: Run, value: Any) -> Any:
    """`$keys`; of an array the keys of all its objects."""
    found: dict[str, None] = {}
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        run.step(1)
        if isinstance(item, list):
            todo.extend(reversed(item))
        elif isinstance(item, dict):
            run.step(len(item) >> 1)
            found.update(dict.fromkeys(item))
    return Sequence(found)


def lookup(run: Run, value: Any, key: Any) -> Any:
    """`$lookup`; a missing key is looked up as JavaScript would write it."""
    return looked_up(value, "undefined" if key is UNDEFINED else key, run)


def spread(run: Run, value: Any) -> Any:
    """`$spread`: one object per member."""
    if isinstance(value, dict):
        return Sequence({key: member} for key, member in value.items())
    if not isinstance(value, list):
        return value
    found: Any = Sequence()
    parts: list[Any] = []
    todo: list[Any] = list(reversed(value))
    while todo:
        item = todo.pop()
        run.step(1)
        if isinstance(item, list):
            todo.extend(reversed(item))
        else:
            parts.extend(spread(run, item) if isinstance(item, dict) else [] if item is UNDEFINED else [item])
    return appended(found, parts, run) if value else found


def merge(run: Run, objects: Any) -> Any:
    """`$merge`: later members win."""
    if objects is UNDEFINED:
        return UNDEFINED
    result: dict[str, Any] = {}
    for item in objects:
        run.step(len(item))
        result.update(item)
    return result


def type_of(run: Run, value: Any) -> Any:
    """`$type`."""
    if value is UNDEFINED:
        return UNDEFINED
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "function" if isinstance(value, Function) else "object"


def fail(run: Run, message: Any = UNDEFINED) -> Any:
    """`$error`."""
    raise JsonataError("D3137", message=_said(message, "$error() function evaluated"))


def insist(run: Run, condition: Any, message: Any = UNDEFINED) -> Any:
    """`$assert`."""
    if not truth(condition, run):
        raise JsonataError("D3141", message=_said(message, "$assert() statement failed"))
    return UNDEFINED


def _said(message: Any, otherwise: str) -> str:
    return message if isinstance(message, str) and message else otherwise


def clone(run: Run, value: Any) -> Any:
    """`$clone`: a deep copy, by way of its text."""
    if value is UNDEFINED:
        return UNDEFINED
    text = text_of(value, run)
    run.read(text, 8)
    run.keep(text)
    return orjson.loads(text)
