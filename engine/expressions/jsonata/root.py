"""The outermost names of an expression: `$states`, the machine's variables, the built-in functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.expressions.jsonata.run import Run
from engine.expressions.jsonata.values import UNDEFINED
from engine.expressions.scope import MISSING, Scope

NATIVES: Final[dict[str, Any]] = {}
"""Built-in functions by name; `library.py` fills it."""


def _context(scope: Scope) -> Any:
    """The context object, made once per scope."""
    if scope.prepared is None:
        scope.prepared = dict(scope.context())
    return scope.prepared


def _result(scope: Scope) -> Any:
    return UNDEFINED if scope.result is MISSING else scope.result


def _error_output(scope: Scope) -> Any:
    return UNDEFINED if scope.error_output is MISSING else scope.error_output


STATES_FIELDS: Final[dict[str, Callable[[Scope], Any]]] = {
    "input": lambda scope: scope.input,
    "context": _context,
    "result": _result,
    "errorOutput": _error_output,
}


def root_lookup(name: str, run: Run) -> Any:
    """The value of a name that no frame binds."""
    scope = run.scope
    if name == "states":
        fields = {field: read(scope) for field, read in STATES_FIELDS.items()}
        return {field: value for field, value in fields.items() if value is not UNDEFINED}
    variables = scope.variables
    if name in variables:
        return variables[name]
    return NATIVES.get(name, UNDEFINED)
