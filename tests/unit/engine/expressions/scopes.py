"""Scopes for tests of expressions."""

from __future__ import annotations

import json
from typing import Any

from engine.expressions.scope import MISSING, Expression, Scope
from engine.failure import StateError

CONTEXT = {
    "Execution": {"Id": "arn:x", "Input": {"a": 1}},
    "State": {"Name": "S", "EnteredTime": "2026-01-02T03:04:05.678Z"},
}


def scope(input: Any = None, variables: dict[str, Any] | None = None, **more: Any) -> Scope:
    """A scope over an input, with a context object, countable luck and no clock."""
    more.setdefault("result", MISSING)
    return Scope(input, lambda: CONTEXT, variables or {}, lambda size: bytes(range(size)), **more)


def outcome(expression: Expression, input: Any = None, variables: dict[str, Any] | None = None, **more: Any) -> Any:
    """The value, or `error: cause` of the failure."""
    before = json.dumps(input)
    try:
        value = expression(scope(input, variables, **more))
    except StateError as failure:
        value = f"{failure.error}: {failure.cause}"
    assert json.dumps(input) == before, "an expression never changes what it reads"
    return value
