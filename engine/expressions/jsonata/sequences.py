"""Lists as queries make them: looking names up, appending, flattening, collapsing."""

from __future__ import annotations

from typing import Any

from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED, ConsArray, Document, Sequence


def collapse(value: Any) -> Any:
    """A sequence without members is undefined, one with a single member is that member."""
    if value.__class__ is Sequence and not value.tuple_stream and len(value) < 2:
        if not value:
            return UNDEFINED
        if not value.keep_singleton:
            return value[0]
    return value


def append(left: Any, right: Any, run: Run) -> Any:
    """`$append`: the two as one array; undefined adds nothing."""
    if left is UNDEFINED:
        return right
    if right is UNDEFINED:
        return left
    one = left if isinstance(left, list) else [left]
    other = right if isinstance(right, list) else [right]
    run.keep(right)
    run.hold(len(one) + len(other))
    return [*one, *other]


def lookup(value: Any, name: str, run: Run) -> Any:
    """The member of that name; of a list the members of all objects in it, one level of arrays opened."""
    if value.__class__ is dict:
        return value.get(name, UNDEFINED)
    if not isinstance(value, list):
        return UNDEFINED
    found = Sequence()
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if item.__class__ is dict:
            member = item.get(name, UNDEFINED)
            if isinstance(member, list):
                found.extend(member)
            elif member is not UNDEFINED:
                found.append(member)
        elif isinstance(item, list):
            run.step(len(item))
            todo.extend(reversed(item))
    run.hold(len(found))
    return found


def spread_out(results: list[Any], last: bool, run: Run) -> list[Any]:
    """The results of one step for all its items as one sequence; arrays are opened, but for constructed ones.

    Args:
        results: one per item, none undefined.
        last: it is the last step of its path: a single array stays what it is.
        run: the budget.
    """
    if last and len(results) == 1:
        only: Any = results[0]
        if isinstance(only, list) and only.__class__ is not Sequence:
            return only
    found = Sequence()
    for result in results:
        if isinstance(result, list) and result.__class__ is not ConsArray:
            found.extend(result)
        else:
            found.append(result)
    run.hold(len(found))
    return found


def flatten(value: Any, run: Run) -> list[Any]:
    """All members of nested arrays in order."""
    found: list[Any] = []
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            run.step(len(item))
            todo.extend(reversed(item))
        else:
            found.append(item)
    run.hold(len(found))
    return found


def wildcard(value: Any, run: Run) -> Any:
    """`*`: the values of an object, or of an array, with all nested arrays opened."""
    found: list[Any] = Sequence()
    if value.__class__ is Document:
        value = value[0]
    members = value.values() if value.__class__ is dict else value if isinstance(value, list) else ()
    for member in members:
        if isinstance(member, list):
            found = append(found, flatten(member, run), run)
        else:
            found.append(member)
    run.step(len(found))
    return found


def descendants(value: Any, run: Run) -> Any:
    """`**`: the value and everything below it, parents first; arrays themselves are left out."""
    if value is UNDEFINED:
        return UNDEFINED
    found = Sequence()
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo.extend(reversed(item))
        else:
            found.append(item)
            if item.__class__ is dict:
                todo.extend(reversed(item.values()))
        run.step(1)
    run.hold(len(found))
    return found[0] if len(found) == 1 else found
