"""Order-by `^(...)` and the merge sort that it shares with `$sort`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.filters import CONTEXT
from engine.expressions.jsonata.operators import code_units
from engine.expressions.jsonata.run import Frame, Run
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, Sequence

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler


def merge_sort(items: list[Any], swaps: Callable[[Any, Any], bool], run: Run) -> list[Any]:
    """A stable sort; `swaps(a, b)` is true when b must come first. A comparator without order does no harm."""
    if len(items) < 2:
        return list(items)
    run.step(len(items) * len(items).bit_length())
    runs = [[item] for item in items]
    return _merged(runs, 0, len(runs), swaps)


def _merged(runs: list[list[Any]], start: int, end: int, swaps: Callable[[Any, Any], bool]) -> list[Any]:
    """Recursion is as deep as the logarithm of the length."""
    if end - start == 1:
        return runs[start]
    middle = start + (end - start) // 2
    left, right = _merged(runs, start, middle, swaps), _merged(runs, middle, end, swaps)
    out: list[Any] = []
    at = other = 0
    while at < len(left) and other < len(right):
        if swaps(left[at], right[other]):
            out.append(right[other])
            other += 1
        else:
            out.append(left[at])
            at += 1
    out.extend(left[at:])
    out.extend(right[other:])
    return out


def compile_sort(compiler: Compiler, step: Node, depth: int) -> Callable[[list[Any], Frame], Any]:
    """Code for `^(a, >b)`: every term is evaluated at most once per item."""
    before = compiler.nodes
    terms = [(compiler.code(term.expression, depth), term.descending) for term in step.terms]
    nodes = compiler.nodes - before

    def sort(items: list[Any], frame: Frame) -> Any:
        if not isinstance(items, list) or len(items) < 2:
            return items
        frame.run.turns(len(items), nodes)
        keyed = [_Keyed(item, terms, frame, items) for item in items]
        return [entry.item for entry in merge_sort(keyed, _comes_later, frame.run)]

    return sort


class _Keyed:
    """An item with the values of its sort terms, evaluated when first compared."""

    __slots__ = ("context", "frame", "item", "keys", "terms")

    def __init__(self, item: Any, terms: list[tuple[Code, bool]], frame: Frame, items: list[Any]) -> None:
        is_stream = items.__class__ is Sequence and items.tuple_stream
        self.item = item
        self.terms = terms
        self.context = item[CONTEXT] if is_stream else item
        self.frame = Frame(item, frame, frame.run) if is_stream else frame
        self.keys: list[Any] = []

    def key(self, at: int) -> Any:
        if at == len(self.keys):
            key = self.terms[at][0](self.context, self.frame)
            self.frame.run.keep(key)
            self.keys.append(key)
        return self.keys[at]


def _comes_later(one: _Keyed, other: _Keyed) -> bool:
    for at in range(len(one.terms)):
        left, right = one.key(at), other.key(at)
        if left is UNDEFINED or right is UNDEFINED:
            if left is right:
                continue
            # Undefined goes last, in either direction.
            return left is UNDEFINED
        if left.__class__ is str:
            one.frame.run.read(left)
        order = _compared(left, right)
        if order:
            return (order > 0) != one.terms[at][1]
    return False


def _compared(left: Any, right: Any) -> int:
    for value in (left, right):
        if value.__class__ not in (str, int, float):
            raise JsonataError("T2008", value=value)
    if (left.__class__ is str) != (right.__class__ is str):
        raise JsonataError("T2007", value=left, value2=right)
    if left == right:
        return 0
    if left.__class__ is str and not (left.isascii() and right.isascii()):
        left, right = code_units(left), code_units(right)
    return -1 if left < right else 1
