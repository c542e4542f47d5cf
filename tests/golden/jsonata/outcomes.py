"""What the engine makes of an expression, in a form that can be compared with recorded outcomes."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from engine.expressions.jsonata.errors import InternalError, JsonataError, LimitExceeded
from engine.expressions.jsonata.fields import evaluate
from engine.expressions.jsonata.parser import TooDeep
from engine.expressions.jsonata.rendering import message_of
from engine.expressions.jsonata.resolve import parse_expression
from engine.expressions.jsonata.values import UNDEFINED, Function
from engine.expressions.scope import ExpressionSyntaxError, Scope

_NOW_MS: Final = 1_700_000_000_000


class Failure(NamedTuple):
    """An expression that does not parse, or fails.

    Attributes:
        code: `T0410`; None where a limit was met or the service has only an internal error to tell.
        message: its text.
        fields: what the text names.
        is_limit: depth, memory or time, as the service bounds them.
    """

    code: str | None
    message: str
    fields: dict[str, Any]
    is_limit: bool = False


def outcome_of(expression: str, document: Any, variables: dict[str, Any] | None = None) -> Any:
    """The plain value of an expression, `UNDEFINED`, or a `Failure`."""
    try:
        parse_expression(expression)
        return _plain(evaluate(expression, document, Scope(None, dict, variables or {}, bytes, now_ms=_NOW_MS)))
    except JsonataError as error:
        return Failure(error.code, message_of(error), error.fields)
    except (ExpressionSyntaxError, InternalError) as error:
        return Failure(None, str(error), {})
    except (LimitExceeded, TooDeep) as error:
        return Failure(None, str(error), {}, is_limit=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Function):
        return "<fn>"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [None if item is UNDEFINED else _plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return value


def alike(one: Any, other: Any) -> bool:
    """Equal, but for the last digits of fractions and the order of keys."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return bool(one == other)
