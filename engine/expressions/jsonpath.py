"""JSONPath as the service runs it: `$.a.b` on the input, `$$.x` on the context object, `$name.x` on a variable.

A text that starts with `States.` is an intrinsic function call and is welcome wherever a path is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.expressions.intrinsics import compile_intrinsic, variables_of_intrinsic
from engine.expressions.jsonpath_walk import PathMiss, PathMisuse
from engine.expressions.path_reader import VARIABLE, parse_path, read_input, reader
from engine.expressions.reference_path import compile_reference_path
from engine.expressions.scope import Expression, Scope
from engine.failure import StateError, runtime_error
from engine.payload import Payload

Presence = Callable[[Scope], tuple[bool, Any]]

_NULL_DOCUMENT: Final = "Unable to apply Path transformation to null or empty input."


def compile_path(text: str) -> Expression:
    """Compile a path for InputPath, OutputPath, ItemsPath and the like.

    A miss raises States.Runtime `Invalid path '$.x' : No results for path: $['x']`; an indefinite path
    gives a list, which may be empty.

    Raises:
        ExpressionSyntaxError: `Value must be a valid JSONPath.`
    """
    if text.startswith("States."):
        return compile_intrinsic(text)
    if text == "$":
        return read_input
    path = parse_path(text)
    read = reader(path)

    def expression(scope: Scope) -> Any:
        try:
            return read(scope)
        except (PathMiss, PathMisuse) as error:
            if path.root == "$" and scope.input is None:
                raise runtime_error(_NULL_DOCUMENT) from None
            raise runtime_error(f"Invalid path '{text}' : {error}") from None

    return expression


def compile_field_path(text: str, field: str) -> Expression:
    """Compile a path or intrinsic that stands in a template under `field` (`key.$`), or in ErrorPath, CausePath.

    A miss raises States.Runtime `The JSONPath '$.x' specified for the field 'key.$' could not be found in the
    input '{...}'`; an index beyond the end of an array gives null.

    Raises:
        ExpressionSyntaxError: `Value must be a valid JSONPath.`
    """
    if text.startswith("States."):
        return compile_intrinsic(text)
    if text == "$":
        return read_input
    read = reader(parse_path(text))

    def expression(scope: Scope) -> Any:
        try:
            return read(scope)
        except PathMiss as miss:
            if miss.beyond_end:
                return None
            raise not_found(text, field, scope) from None
        except PathMisuse as misuse:
            raise runtime_error(str(misuse)) from None

    return expression


def compile_presence(text: str) -> Presence:
    """Compile a Choice's Variable: (is it there, its value).

    Raises:
        ExpressionSyntaxError: `Value must be a valid JSONPath.`
    """
    read = reader(parse_path(text))

    def presence(scope: Scope) -> tuple[bool, Any]:
        try:
            return True, read(scope)
        except (PathMiss, PathMisuse):
            return False, None

    return presence


def check_path(text: str) -> None:
    """Refuse a text that is neither path nor intrinsic call.

    Raises:
        ExpressionSyntaxError: `Value must be a valid JSONPath.`
    """
    compile_path(text)


def check_reference_path(text: str) -> None:
    """Refuse a text that is no reference path: only names and indexes, from `$`, `$$` or a variable.

    Raises:
        ExpressionSyntaxError: `Value is not a Reference Path`, with the reason when it does not start with `$`.
    """
    variable = VARIABLE.match(text)
    root = 2 if text.startswith("$$") else variable.end() if variable else 0
    compile_reference_path("$" + text[root:] if root else text)


def variables_of(text: str) -> set[str]:
    """Names of the variables that a path or an intrinsic call uses, without the dollar sign; none of a bad text."""
    if text.startswith("States."):
        return variables_of_intrinsic(text)
    variable = VARIABLE.match(text)
    return {variable[1]} if variable else set()


def not_found(text: str, field: str, scope: Scope) -> StateError:
    """The failure of a template's path that leads nowhere."""
    document = Payload(scope.input).text.decode()
    return runtime_error(
        f"The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{document}'"
    )
