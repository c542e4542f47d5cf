"""Choice rules of the JSONPath language: a rule becomes one closure that gives true or false.

Source: recordings `choice_operators/*` (a type mismatch is false, null is present); developer guide, "Choice".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.expressions.jsonpath import Presence, compile_presence
from engine.expressions.scope import Expression, ExpressionSyntaxError, Scope
from engine.expressions.string_matches import compile_pattern
from engine.expressions.timestamps import parse_timestamp
from engine.failure import runtime_error

Test = Callable[[Any], bool]
Comparison = Callable[[Any, Any], bool]
Key = Callable[[Any], Any]

_COMPARISONS: Final[dict[str, Comparison]] = {
    "Equals": lambda value, other: bool(value == other),
    "LessThan": lambda value, other: bool(value < other),
    "GreaterThan": lambda value, other: bool(value > other),
    "LessThanEquals": lambda value, other: bool(value <= other),
    "GreaterThanEquals": lambda value, other: bool(value >= other),
}


def is_number(value: Any) -> bool:
    """A JSON number, which true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text_key(value: Any) -> bytes | None:
    """Texts compare by UTF-16 code units, as Java's do."""
    return value.encode("utf-16-be", "surrogatepass") if isinstance(value, str) else None


# What a value of the operator's type compares by; None for a value of another type.
_KEYS: Final[dict[str, Key]] = {
    "String": _text_key,
    "Numeric": lambda value: value if is_number(value) else None,
    "Boolean": lambda value: value if isinstance(value, bool) else None,
    "Timestamp": parse_timestamp,
}

_IS: Final[dict[str, Test]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": is_number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: parse_timestamp(value) is not None,
}

COMPARISON_OPERATORS: Final[dict[str, tuple[Key, Comparison]]] = {
    f"{kind}{name}": (key, comparison)
    for kind, key in _KEYS.items()
    for name, comparison in _COMPARISONS.items()
    if kind != "Boolean" or name == "Equals"
}
"""`StringEquals`, `NumericLessThan`, ...; each exists with the suffix `Path` too."""

OPERATORS: Final = frozenset(
    {*COMPARISON_OPERATORS, *(f"{name}Path" for name in COMPARISON_OPERATORS), *_IS, "IsPresent", "StringMatches"}
)
_NOT_OPERATORS: Final = frozenset({"Variable", "Next", "Comment", "Assign", "Output"})


def compile_rule(rule: dict[str, Any]) -> Expression:
    """Compile a rule: a comparison, or And, Or, Not of rules; later operands are not evaluated in vain.

    At run time a missing Variable or operand path raises States.Runtime. Recursion is as deep as the rule is nested,
    which the JSON decoder bounds.

    Raises:
        ExpressionSyntaxError: no rule, an unknown operator, or a path that does not parse.
    """
    for name, until in (("And", False), ("Or", True)):
        if name in rule:
            return _until(tuple(map(compile_rule, rule[name])), until)
    if "Not" in rule:
        inner = compile_rule(rule["Not"])
        return lambda scope: not inner(scope)
    operators = [name for name in rule if name not in _NOT_OPERATORS]
    if len(operators) != 1 or operators[0] not in OPERATORS or not isinstance(rule.get("Variable"), str):
        raise ExpressionSyntaxError("The object must have only one of the following fields, [And, Or, Not, Variable]")
    return _comparison(operators[0], rule["Variable"], rule[operators[0]])


def _until(operands: tuple[Expression, ...], stop: bool) -> Expression:
    """And stops at the first false, Or at the first true."""

    def expression(scope: Scope) -> Any:
        for operand in operands:
            if operand(scope) is stop:
                return stop
        return not stop

    return expression


def _comparison(operator: str, variable: str, operand: Any) -> Expression:
    presence = compile_presence(variable)
    if operator == "IsPresent":
        return lambda scope: presence(scope)[0] is operand
    value_of = _required(variable, presence)
    if operator in _IS:
        test = _IS[operator]
        return lambda scope: test(value_of(scope)) is operand
    if operator == "StringMatches":
        matches = compile_pattern(operand)
        return lambda scope: matches(value_of(scope))
    if operator.endswith("Path"):
        key, comparison = COMPARISON_OPERATORS[operator.removesuffix("Path")]
        other_of = _required(operand, compile_presence(operand))
        return lambda scope: _holds(key(value_of(scope)), key(other_of(scope)), comparison)
    key, comparison = COMPARISON_OPERATORS[operator]
    constant = key(operand)
    return lambda scope: _holds(key(value_of(scope)), constant, comparison)


def _holds(value: Any, other: Any, comparison: Comparison) -> bool:
    return value is not None and other is not None and comparison(value, other)


def _required(path: str, presence: Presence) -> Expression:
    def value_of(scope: Scope) -> Any:
        present, value = presence(scope)
        if not present:
            raise runtime_error(
                f"Invalid path '{path}': The choice state's condition path references an invalid value."
            )
        return value

    return value_of
