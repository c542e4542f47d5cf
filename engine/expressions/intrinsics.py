"""Intrinsic functions of the JSONPath language: `States.Format('{} of {}', $.n, States.ArrayLength($.all))`.

The parser keeps its own stack, so that the depth of a bad text costs no recursion; at most
`INTRINSICS_NESTED_MAX` calls may stand inside each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from engine.expressions.intrinsic_functions import FUNCTIONS, InvalidArguments
from engine.expressions.jsonpath_walk import PathMiss, PathMisuse
from engine.expressions.path_reader import VARIABLE, Read, parse_path, reader
from engine.expressions.scope import Expression, ExpressionSyntaxError, Scope
from engine.failure import runtime_error
from engine.limits import INTRINSICS_NESTED_MAX
from engine.payload import Payload

INVALID_CALL: Final = "Value must be a valid JSONPath or a valid intrinsic function call"

_OPEN = re.compile(r"\s*States\.([A-Za-z0-9]+)\s*\(\s*")
_LITERAL = re.compile(r"'((?:[^'\\]|\\['{}\\])*)'")
_CONSTANT = re.compile(r"(null|true|false|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=\s*[,)])")
_PATH_PIECE = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^'\"]", re.DOTALL)
_SEPARATOR = re.compile(r"\s*([,)])\s*")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(slots=True)
class _Call:
    """A call whose arguments are being read."""

    name: str
    arguments: list[_Argument] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Constant:
    """A literal; `raw` is a text as written between the quotes."""

    value: Any
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class _PathArgument:
    text: str


_Argument: TypeAlias = _Call | _Constant | _PathArgument
Evaluate = Callable[[Scope], Any]


def compile_intrinsic(text: str) -> Expression:
    """Compile one call with everything nested in it.

    At run time a missing argument path raises States.Runtime `The function '...' had the following error: ...`,
    arguments that the function refuses `There was an error while evaluating the intrinsic function: ...`.

    Raises:
        ExpressionSyntaxError: not a call, an unknown function, or nested too deeply.
    """
    evaluate = _compile_call(_parse(text), text)

    def expression(scope: Scope) -> Any:
        try:
            return evaluate(scope)
        except InvalidArguments as refused:
            raise runtime_error(
                f"There was an error while evaluating the intrinsic function: {text}. "
                f"Invalid arguments in States.{refused.function}"
            ) from None
        except PathMisuse as misuse:
            raise runtime_error(str(misuse)) from None

    return expression


def paths_of_intrinsic(text: str) -> list[str]:
    """The paths that a call and the calls inside it read; none when the text is no call."""
    try:
        todo: list[_Argument] = [_parse(text)]
    except ExpressionSyntaxError:
        return []
    paths = []
    while todo:
        node = todo.pop()
        if isinstance(node, _Call):
            todo.extend(reversed(node.arguments))
        elif isinstance(node, _PathArgument):
            paths.append(node.text)
    return paths


def variables_of_intrinsic(text: str) -> set[str]:
    """Names of the variables that a call uses, without the dollar sign; none when the text is no call."""
    found = (VARIABLE.match(path) for path in paths_of_intrinsic(text))
    return {variable[1] for variable in found if variable is not None}


def _parse(text: str) -> _Call:
    """Read the whole text as one call."""
    first = _OPEN.match(text)
    if first is None or first[1] not in FUNCTIONS:
        raise ExpressionSyntaxError(INVALID_CALL)
    stack = [_Call(first[1])]
    at = first.end()
    closed = text.startswith(")", at)
    while True:
        if closed:
            call = stack.pop()
            at += 1
            if not stack:
                break
            stack[-1].arguments.append(call)
        else:
            nested = _OPEN.match(text, at)
            if nested is not None:
                at = _enter(stack, nested)
                closed = text.startswith(")", at)
                continue
            argument, at = _argument(text, at)
            stack[-1].arguments.append(argument)
        separator = _SEPARATOR.match(text, at)
        if separator is None:
            raise ExpressionSyntaxError(INVALID_CALL)
        closed = separator[1] == ")"
        at = separator.start(1) if closed else separator.end()
    if text[at:].strip():
        raise ExpressionSyntaxError(INVALID_CALL)
    return call


def _enter(stack: list[_Call], nested: re.Match[str]) -> int:
    if nested[1] not in FUNCTIONS or len(stack) >= INTRINSICS_NESTED_MAX:
        raise ExpressionSyntaxError(INVALID_CALL)
    stack.append(_Call(nested[1]))
    return nested.end()


def _argument(text: str, at: int) -> tuple[_Argument, int]:
    literal = _LITERAL.match(text, at)
    if literal is not None:
        return _Constant(_ESCAPE.sub(r"\1", literal[1]), literal[1]), literal.end()
    constant = _CONSTANT.match(text, at)
    if constant is not None:
        try:
            return _Constant(orjson.loads(constant[1])), constant.end()
        except ValueError:
            raise ExpressionSyntaxError(INVALID_CALL) from None
    if text.startswith("$", at):
        return _path_argument(text, at)
    raise ExpressionSyntaxError(INVALID_CALL)


def _path_argument(text: str, start: int) -> tuple[_Argument, int]:
    """A path ends at the first comma or parenthesis outside its own brackets and quotes."""
    at, depth = start, 0
    while at < len(text):
        piece = _PATH_PIECE.match(text, at)
        if piece is None:
            raise ExpressionSyntaxError(INVALID_CALL)
        mark = piece[0]
        if depth == 0 and mark in (",", ")"):
            return _PathArgument(text[start:at].rstrip()), at
        depth += (mark in ("[", "(")) - (mark in ("]", ")"))
        at = piece.end()
    raise ExpressionSyntaxError(INVALID_CALL)


def _compile_call(call: _Call, whole: str) -> Evaluate:
    """At most `INTRINSICS_NESTED_MAX` deep, as the parser has checked."""
    function = FUNCTIONS[call.name]
    is_format = call.name == "Format"
    arguments = tuple(_compile_argument(item, whole, is_format and at == 0) for at, item in enumerate(call.arguments))

    def evaluate(scope: Scope) -> Any:
        return function([argument(scope) for argument in arguments], scope.entropy)

    return evaluate


def _compile_argument(argument: _Argument, whole: str, is_template: bool) -> Evaluate:
    if isinstance(argument, _Call):
        return _compile_call(argument, whole)
    if isinstance(argument, _Constant):
        value = argument.raw if is_template and argument.raw is not None else argument.value
        return lambda scope: value
    return _compile_path_argument(argument.text, whole)


def _compile_path_argument(text: str, whole: str) -> Evaluate:
    read: Read = reader(parse_path(text))

    def evaluate(scope: Scope) -> Any:
        try:
            return read(scope)
        except PathMiss:
            document = Payload(scope.input).text.decode()
            raise runtime_error(
                f"The function '{whole}' had the following error: The JsonPath argument for the field "
                f"'{text}' could not be found in the input '{document}'"
            ) from None

    return evaluate
