"""Binary operators of JSONata, each as a function of two evaluated values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from engine.expressions.jsonata.errors import OUT_OF_MEMORY, JsonataError, LimitExceeded
from engine.expressions.jsonata.rendering import text_of
from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED, Sequence, equal, is_number, narrowed, same
from engine.limits import JSONATA_ELEMENTS_MAX

Operator = Callable[[Any, Any, Run], Any]
_SAFE: Final = 2**53


def _divide(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left) * math.copysign(1, right)
    return left / right


def _remainder(left: float, right: float) -> float:
    return math.nan if right == 0 else math.fmod(left, right)


_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
}


def _numeric(token: str) -> Operator:
    compute = _ARITHMETIC[token]

    def computed(left: Any, right: Any, run: Run) -> Any:
        if left.__class__ is int and right.__class__ is int and -_SAFE < left < _SAFE and -_SAFE < right < _SAFE:
            result = compute(left, right)
            return result if -_SAFE < result < _SAFE else narrowed(result)
        if left is not UNDEFINED and not is_number(left):
            raise JsonataError("T2001", value=left, token=token)
        if right is not UNDEFINED and not is_number(right):
            raise JsonataError("T2002", value=right, token=token)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        try:
            return compute(narrowed(left), narrowed(right))
        except OverflowError:
            return math.inf

    return computed


def _is_comparable(value: Any) -> bool:
    return value.__class__ is str or value.__class__ is int or value.__class__ is float


def code_units(text: str) -> bytes:
    """What texts are ordered by: UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _ordering(token: str, holds: Callable[[Any, Any], bool]) -> Operator:
    def ordered(left: Any, right: Any, run: Run) -> Any:
        one, other = left.__class__, right.__class__
        if (one is int or one is float) and (other is int or other is float):
            return holds(left, right)
        for value in (left, right):
            if value is not UNDEFINED and not _is_comparable(value):
                raise JsonataError("T2010", value=value, token=token)
        if left is UNDEFINED or right is UNDEFINED:
            return UNDEFINED
        if (left.__class__ is str) != (right.__class__ is str):
            raise JsonataError("T2009", value=left, value2=right, token=token)
        if left.__class__ is str and len(left) > 1024:
            run.read(left)
        if left.__class__ is str and not (left.isascii() and right.isascii()):
            return holds(code_units(left), code_units(right))
        return holds(left, right)

    return ordered


def _equals(left: Any, right: Any, run: Run) -> bool:
    if left.__class__ is str and right.__class__ is str:
        if len(left) > 1024:
            run.read(left)
        return bool(left == right)
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return equal(left, right, run)


def _differs(left: Any, right: Any, run: Run) -> bool:
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return not equal(left, right, run)


def _is_member(left: Any, right: Any, run: Run) -> bool:
    if left is UNDEFINED or right is UNDEFINED:
        return False
    items = right if isinstance(right, list) else [right]
    run.step(len(items) >> 2)
    if left.__class__ is str and len(left) > 1024:
        run.step(len(items) * (len(left) >> 10))
    return any(same(item, left) for item in items)


def concatenate(left: Any, right: Any, run: Run) -> str:
    """`left & right`: undefined is the empty text."""
    one = left if left.__class__ is str else "" if left is UNDEFINED else text_of(left, run)
    other = right if right.__class__ is str else "" if right is UNDEFINED else text_of(right, run)
    run.room(len(one) + len(other))
    return one + other


def _range(left: Any, right: Any, run: Run) -> Any:
    for value, code in ((left, "T2003"), (right, "T2004")):
        if value is not UNDEFINED and not _is_whole(value):
            raise JsonataError(code, value=value, token="..")
    if left is UNDEFINED or right is UNDEFINED or left > right:
        return UNDEFINED
    first, last = int(left), int(right)
    size = last - first + 1
    if size > JSONATA_ELEMENTS_MAX:
        raise LimitExceeded(OUT_OF_MEMORY)
    run.hold(size)
    return Sequence(range(first, last + 1))


def _is_whole(value: Any) -> bool:
    return value.__class__ is int or (value.__class__ is float and value.is_integer())


OPERATORS: Final[dict[str, Operator]] = {
    **{token: _numeric(token) for token in _ARITHMETIC},
    "<": _ordering("<", operator.lt),
    "<=": _ordering("<=", operator.le),
    ">": _ordering(">", operator.gt),
    ">=": _ordering(">=", operator.ge),
    "=": _equals,
    "!=": _differs,
    "in": _is_member,
    "&": concatenate,
    "..": _range,
}
