"""JSONata expressions (interim engine)."""

from __future__ import annotations

import re
from typing import Any

import jsonatapy
import orjson

from engine.expressions.scope import MISSING, Expression, ExpressionSyntaxError, Scope
from engine.failure import evaluation_error


def is_jsonata(text: str) -> bool:
    """Is the string a JSONata expression?

    Raises:
        ExpressionSyntaxError: only one of the delimiters is there.
    """
    opens, closes = text.startswith("{%"), text.endswith("%}")
    if opens != closes or (opens and len(text) < 4):
        raise ExpressionSyntaxError("JSONata string must start with {% and end with %}")
    return opens


def compile_jsonata(text: str, location: str) -> Expression:
    """Compile `{% ... %}`."""
    if not is_jsonata(text):
        raise ExpressionSyntaxError("JSONata string must start with {% and end with %}")
    source = text[2:-2].strip()
    try:
        compiled = jsonatapy.compile(source, timeout=1000, max_stack_depth=100, max_sequence_length=873_782)
    except ValueError as error:
        raise ExpressionSyntaxError(str(error)) from None
    start = f"The JSONata expression '{source}' specified for the field '{location}' "

    def expression(scope: Scope) -> Any:
        states: dict[str, Any] = {"input": scope.input, "context": scope.context()}
        if scope.result is not MISSING:
            states["result"] = scope.result
        if scope.error_output is not MISSING:
            states["errorOutput"] = scope.error_output
        try:
            result = compiled.evaluate_json_or_none(None, {**scope.variables, "states": states})
        except ValueError as error:
            raise evaluation_error(f"{start}threw an error during evaluation. {error}", location) from None
        if result is None:
            raise evaluation_error(f"{start}returned nothing (undefined).", location)
        return orjson.loads(result)

    return expression


def check_jsonata(text: str, has_result: bool = True, has_error_output: bool = False) -> list[tuple[str, str]]:
    """Reasons to refuse a `{% %}` string: (code, message)."""
    try:
        compile_jsonata(text, "")
    except ExpressionSyntaxError as error:
        return [("INVALID_JSONATA_EXPRESSION", str(error))]
    return []


def variables_of_jsonata(text: str) -> set[str]:
    """Names of the variables an expression uses."""
    return set(re.findall(r"\$([A-Za-z_]\w*)(?!\s*\()", text)) - {"states"}


def expect(value: Any, kind: str, expression: str, location: str) -> Any:
    """The value if it is of the kind, else States.QueryEvaluationError."""
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    found = kinds.get(type(value), "null")
    if found == kind:
        return value
    raise evaluation_error(
        f"The JSONata expression '{expression}' specified for the field '{location}' returned an unexpected result "
        f"type. Expected '{kind}', but was '{found}' for value: {orjson.dumps(value).decode()}",
        location,
    )
