"""Payload templates: JSON in which parts are computed, `{"a.$": "$.b"}` in JSONPath, `{"a": "{% b %}"}` in JSONata.

A subtree without anything to compute is shared with the definition, never copied.
"""

from __future__ import annotations

from typing import Any, Final

from engine.expressions.intrinsics import INVALID_CALL
from engine.expressions.jsonata import compile_jsonata, is_jsonata
from engine.expressions.jsonpath import compile_field_path
from engine.expressions.scope import Expression, ExpressionSyntaxError, Scope
from engine.failure import DATA_LIMIT_EXCEEDED, StateError

COMPUTED_PARTS_UNCHECKED: Final = 16
"""A template with more computed parts than this has its result measured before anyone serialises it."""
RESULT_CHARACTERS_MAX: Final = 1 << 24

_SUFFIX: Final = ".$"


def compile_template(value: Any, field: str = "Parameters") -> Expression:
    """Compile a JSONPath payload template that stands in `field`.

    Raises:
        ExpressionSyntaxError: a `.$` key without path or call, or `a` beside `a.$`.
    """
    compiler = _PathTemplate(field)
    return _guarded(_node(value, compiler, field), compiler.parts)


def compile_jsonata_template(value: Any, field: str) -> Expression:
    """Compile a JSONata template that stands in `field`; failures are located as `Output/a/b[0]`.

    Raises:
        ExpressionSyntaxError: a `{% %}` string that does not parse.
    """
    compiler = _JsonataTemplate()
    return _guarded(_node(value, compiler, field), compiler.parts)


class _PathTemplate:
    """What is special about JSONPath: keys that end in `.$`."""

    def __init__(self, field: str) -> None:
        self.field = field
        self.parts = 0

    def member(self, key: str, value: Any, location: str) -> tuple[str, Expression | Any]:
        if not key.endswith(_SUFFIX):
            return key, _node(value, self, location)
        if not isinstance(value, str):
            raise _bad_value(key)
        self.parts += 1
        try:
            return key.removesuffix(_SUFFIX), compile_field_path(value, key)
        except ExpressionSyntaxError:
            raise _bad_value(key) from None

    def leaf(self, value: Any, location: str) -> Any:
        return value


class _JsonataTemplate:
    """What is special about JSONata: strings between `{%` and `%}`."""

    def __init__(self) -> None:
        self.parts = 0

    def member(self, key: str, value: Any, location: str) -> tuple[str, Expression | Any]:
        return key, _node(value, self, f"{location}/{key}")

    def leaf(self, value: Any, location: str) -> Any:
        if isinstance(value, str) and is_jsonata(value):
            self.parts += 1
            return compile_jsonata(value, location)
        return value


def _node(value: Any, compiler: _PathTemplate | _JsonataTemplate, location: str) -> Any:
    """An `Expression` where something is computed inside, else the value itself.

    Recursion is as deep as the definition is nested, which the JSON decoder bounds.
    """
    if isinstance(value, dict):
        members: dict[str, Any] = {}
        for key, member in value.items():
            name, node = compiler.member(key, member, location)
            if name in members:
                raise ExpressionSyntaxError(f"The field '{name}' is given twice: as '{name}' and '{name}{_SUFFIX}'")
            members[name] = node
        computed = tuple((name, node) for name, node in members.items() if callable(node))
        return _object(members, computed) if computed else value
    if isinstance(value, list):
        items: list[Any] = []
        for at, item in enumerate(value):
            items.append(_node(item, compiler, f"{location}[{at}]"))
        places = tuple((at, node) for at, node in enumerate(items) if callable(node))
        return _array(items, places) if places else value
    return compiler.leaf(value, location)


def _object(members: dict[str, Any], computed: tuple[tuple[str, Expression], ...]) -> Expression:
    def expression(scope: Scope) -> Any:
        result = members.copy()
        for name, node in computed:
            result[name] = node(scope)
        return result

    return expression


def _array(items: list[Any], computed: tuple[tuple[int, Expression], ...]) -> Expression:
    def expression(scope: Scope) -> Any:
        result = items.copy()
        for at, node in computed:
            result[at] = node(scope)
        return result

    return expression


def _guarded(node: Any, parts: int) -> Expression:
    if not callable(node):
        return lambda scope: node
    if parts <= COMPUTED_PARTS_UNCHECKED:
        expression: Expression = node
        return expression

    def measured(scope: Scope) -> Any:
        result = node(scope)
        if is_larger(result, RESULT_CHARACTERS_MAX):
            raise StateError(
                DATA_LIMIT_EXCEEDED, f"The template makes a value of more than {RESULT_CHARACTERS_MAX} characters"
            )
        return result

    return measured


def is_larger(value: Any, characters_max: int) -> bool:
    """Would the value's JSON text be longer than this? Stops counting as soon as it is known."""
    left = characters_max
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            left -= len(item)
        elif isinstance(item, dict):
            for key in item:
                left -= len(key)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
        left -= 2
        if left < 0 or len(todo) > characters_max:
            return True
    return False


def _bad_value(key: str) -> ExpressionSyntaxError:
    call = INVALID_CALL.removeprefix("Value ")
    return ExpressionSyntaxError(f"The value for the field '{key}' {call}")
