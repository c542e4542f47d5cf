"""Values of JSONata beyond JSON: undefined, sequences, functions; and what equality and truth mean.

Numbers are Python's ints and floats and behave as JavaScript's doubles; an int is exact as long as nothing is
computed with it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from engine.expressions.jsonata.errors import JsonataError

if TYPE_CHECKING:
    from engine.expressions.jsonata.run import Run


class _Undefined:
    """The type of `UNDEFINED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = _Undefined()
SAFE_INTEGER_MAX: Final = 2**53


class Sequence(list[Any]):
    """A list that a query made: one without members is undefined, one with a single member is that member.

    Attributes:
        keep_singleton: do not collapse.
        tuple_stream: the members are dicts of bindings, `@` being the context.
    """

    __slots__ = ("keep_singleton", "tuple_stream")

    def __init__(self, items: Any = ()) -> None:
        """Collapsing, no tuples."""
        super().__init__(items)
        self.keep_singleton = False
        self.tuple_stream = False


class Document(Sequence):
    """A whole input that is an array: paths map over it once, `$` is the array itself."""

    __slots__ = ()


class ConsArray(list[Any]):
    """An array constructor as step of a path: it stays one value and is not flattened into the result."""

    __slots__ = ()


class Function:
    """What can be called.

    Attributes:
        arity: how many arguments a caller that has several should give.
    """

    __slots__ = ("arity",)
    arity: int


_SYMBOLS: Final[dict[type, str]] = {
    str: "s",
    int: "n",
    float: "n",
    bool: "b",
    type(None): "l",
    list: "a",
    Sequence: "a",
    Document: "a",
    ConsArray: "a",
    dict: "o",
    _Undefined: "m",
}


def symbol_of(value: Any) -> str:
    """The letter of a value's type in signatures; `m` for missing."""
    symbol = _SYMBOLS.get(value.__class__)
    if symbol is None:
        return "f" if isinstance(value, Function) else "o"
    return symbol


def is_number(value: Any) -> bool:
    """A number that can be computed with.

    Raises:
        JsonataError: D1001, an infinite one.
    """
    if value.__class__ is int:
        return True
    if value.__class__ is float:
        if math.isinf(value):
            raise JsonataError("D1001", value=value)
        return not math.isnan(value)
    return False


def is_text_list(value: Any) -> bool:
    """A list of strings only."""
    return isinstance(value, list) and all(item.__class__ is str for item in value)


def is_number_list(value: Any) -> bool:
    """A list of numbers only."""
    return isinstance(value, list) and all(is_number(item) for item in value)


def narrowed(number: int | float) -> int | float:
    """The result of a computation as a double would hold it; whole numbers that a double holds exactly stay ints."""
    if number.__class__ is int and not -SAFE_INTEGER_MAX <= number <= SAFE_INTEGER_MAX:
        try:
            return float(number)
        except OverflowError:
            return math.inf if number > 0 else -math.inf
    return number


def truth(value: Any, run: Run) -> bool:
    """Is the value true when a condition asks? Undefined is false."""
    kind = value.__class__
    if kind is bool:
        return bool(value)
    if kind is str or kind is int:
        return bool(value)
    if isinstance(value, list):
        return _some_true(value, run)
    if kind is dict:
        return bool(value)
    return is_number(value) and bool(value)


def _some_true(items: list[Any], run: Run) -> bool:
    """Any member true, at any depth, which costs no recursion."""
    todo: list[Any] = [items]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            run.step(1 + (len(item) >> 1))
            todo.extend(item)
        elif truth(item, run):
            return True
    return False


def same(left: Any, right: Any) -> bool:
    """JavaScript's `===`: equal scalars, or the very same object."""
    if left.__class__ is bool or right.__class__ is bool:
        return left is right
    if isinstance(left, (int, float, str)) and isinstance(right, (int, float, str)):
        return left == right
    return left is right


def equal(left: Any, right: Any, run: Run) -> bool:
    """Deep equality; true is not 1, key order does not matter."""
    todo = [(left, right)]
    while todo:
        one, other = todo.pop()
        if one is other:
            continue
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            run.step(len(one))
            todo.extend(zip(one, other, strict=True))
        elif one.__class__ is dict and other.__class__ is dict:
            run.step(len(one))
            if one.keys() != other.keys():
                return False
            todo.extend((one[key], other[key]) for key in one)
        else:
            if one.__class__ is str:
                run.read(one)
            if not same(one, other):
                return False
    return True
