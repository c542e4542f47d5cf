"""Numbers that may come from a path or an expression, most of them a Map's, with AWS's texts for what does not fit."""

from __future__ import annotations

from typing import Any

from engine.asl.model import NumberLimit
from engine.expressions.scope import Scope
from engine.failure import StateError, evaluation_error, runtime_error
from engine.payload import encode_json
from engine.states.data_flow import View, effective_input


def number_of(limit: NumberLimit, view: View) -> Any:
    """What the field says, unchecked; None where there is no such field."""
    return limit.value(_number_scope(limit, view)) if callable(limit.value) else limit.value


def whole_number(limit: NumberLimit, view: View, field: str, *, negative: bool = False) -> int | None:
    """A number of items or executions; None where there is no such field.

    Args:
        limit: the field.
        view: the look at the state's data.
        field: its name without `Path`.
        negative: a number below zero passes; somebody else refuses it.

    Raises:
        StateError: States.Runtime with AWS's text, or States.QueryEvaluationError.
    """
    if limit.value is None or not callable(limit.value):
        return None if limit.value is None else int(limit.value)
    value = number_of(limit, view)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise refused(limit, value, field, "integer")
    if value < 0 and not negative:
        cause = f"{field} cannot be negative."
        raise runtime_error(cause) if limit.path else evaluation_error(cause, field)
    return int(value)


def refused(limit: NumberLimit, value: Any, field: str, kind: str) -> StateError:
    """The error for a value of another kind; `kind` is `integer` or `float`."""
    if limit.path:
        shown = value if isinstance(value, str) else shown_json(value)
        return runtime_error(
            f'The {limit.field} field refers to value "{shown}" which is not a valid {kind}: {limit.path}'
        )
    return evaluation_error(f"The {field} field must be a non-negative {kind} but was: {shown_json(value)}", field)


def shown_json(value: Any) -> str:
    """A value in a message."""
    return encode_json(value).decode()


def _number_scope(limit: NumberLimit, view: View) -> Scope:
    if not limit.path:
        return view.scope
    state = view.step.execution.state_of(view.frame)
    return view.scope.at(effective_input(state, view).value)
