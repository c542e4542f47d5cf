"""Signatures of functions, `<s-n?:s>`: which arguments fit, which are taken from the context, which become arrays.

A signature is a regular expression over the types of the arguments; what it says about one combination of types
is kept, so that the next call with such arguments costs a look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.values import UNDEFINED, symbol_of
from engine.expressions.linear_regex import compile_pattern

if TYPE_CHECKING:
    from engine.expressions.jsonata.run import Run

_ARRAY_TYPES: Final = {
    "a": "arrays",
    "b": "booleans",
    "f": "functions",
    "n": "numbers",
    "o": "objects",
    "s": "strings",
}
_SIMPLE: Final = frozenset("snblo")
_SYMBOLS: Final = "snblaofm"
_PLANS_MAX: Final = 256


@dataclass(slots=True)
class Parameter:
    """One parameter: `regex` is over type symbols, `subtype` of an array's items, `context` types that stand in."""

    type: str
    regex: str
    subtype: str | None = None
    context: frozenset[str] | None = None


Plan = list[tuple[Parameter, str]] | JsonataError


class Signature:
    """A parsed signature.

    Attributes:
        parameters: one per declared parameter.
    """

    def __init__(self, parameters: list[Parameter]) -> None:
        """Use `parse_signature`."""
        self.parameters = parameters
        self._regex = compile_pattern("^" + "".join(f"({parameter.regex})" for parameter in parameters) + "$")
        self._plans: dict[str, Plan | None] = {}

    def validate(self, arguments: list[Any], context: Any, run: Run) -> list[Any]:
        """The arguments as the function wants them.

        Raises:
            JsonataError: T0410, T0411, T0412.
        """
        symbols = "".join([symbol_of(argument) for argument in arguments])
        try:
            plan = self._plans[symbols]
        except KeyError:
            plan = self._plan(symbols)
            if len(self._plans) < _PLANS_MAX:
                self._plans[symbols] = plan
        if plan is None:
            return arguments
        if isinstance(plan, JsonataError):
            raise JsonataError(plan.code, **plan.fields)
        return _carried_out(plan, arguments, context, run)

    def _plan(self, symbols: str) -> Plan | None:
        """None when the arguments are fine as they are."""
        found = self._regex.match(symbols)
        if found is None:
            return self._refusal(symbols)
        matches = [found.group(at + 1) or "" for at in range(len(self.parameters))]
        plan = list(zip(self.parameters, matches, strict=True))
        plain = all(len(match) == 1 and parameter.type != "a" for parameter, match in plan)
        return None if plain and len(plan) == len(symbols) else plan

    def _refusal(self, symbols: str) -> JsonataError:
        pattern, fitting = "^", 0
        for parameter in self.parameters:
            pattern += parameter.regex
            found = compile_pattern(pattern).match(symbols)
            if found is None:
                break
            fitting = found.end()
        return JsonataError("T0410", index=fitting + 1)


def _carried_out(plan: list[tuple[Parameter, str]], arguments: list[Any], context: Any, run: Run) -> list[Any]:
    validated: list[Any] = []
    at = 0
    for parameter, match in plan:
        if not match:
            if parameter.context is not None:
                if symbol_of(context) not in parameter.context:
                    raise JsonataError("T0411", value=context, index=at + 1)
                validated.append(context)
            else:
                validated.append(arguments[at] if at < len(arguments) else UNDEFINED)
                at += 1
            continue
        for single in match:
            # An optional parameter that is skipped takes an argument along, so they can run out.
            argument = arguments[at] if at < len(arguments) else UNDEFINED
            if parameter.type == "a":
                argument = _as_array(parameter, match, single, argument, at, run)
            validated.append(argument)
            at += 1
    return validated


def _as_array(parameter: Parameter, match: str, single: str, argument: Any, at: int, run: Run) -> Any:
    if single == "m":
        return UNDEFINED
    if parameter.subtype is not None:
        fits = single == "a" or match == parameter.subtype
        if single == "a" and argument:
            run.step(len(argument) >> 2)
            wanted = parameter.subtype[0]
            fits = symbol_of(argument[0]) == wanted and all(symbol_of(item) == wanted for item in argument)
        if not fits:
            raise JsonataError("T0412", value=argument, index=at + 1, type=_ARRAY_TYPES.get(parameter.subtype))
    return argument if single == "a" else [argument]


def parse_signature(text: str) -> Signature:
    """Parse `<s-n?:s>`.

    Raises:
        JsonataError: S0401, S0402.
    """
    parameters: list[Parameter] = []
    at = 1
    while at < len(text) and text[at] != ":":
        symbol = text[at]
        if symbol in _SIMPLE:
            parameters.append(Parameter(symbol, f"[{symbol}m]"))
        elif symbol in "axf":
            parameters.append(Parameter(symbol, "f" if symbol == "f" else "[asnblfom]"))
        elif symbol == "j":
            parameters.append(Parameter(symbol, "[asnblom]"))
        elif symbol == "(":
            end = _closing(text, at, "(", ")")
            choice = text[at + 1 : end]
            if "<" in choice or not choice.isalpha():
                raise JsonataError("S0402", value=choice, position=at)
            parameters.append(Parameter(f"({choice})", f"[{choice}m]"))
            at = end
        elif parameters:
            at = _modify(parameters[-1], symbol, text, at)
        at += 1
    return Signature(parameters)


def _modify(parameter: Parameter, symbol: str, text: str, at: int) -> int:
    if symbol == "-":
        pattern = compile_pattern(parameter.regex)
        parameter.context = frozenset(kind for kind in _SYMBOLS if pattern.search(kind) is not None)
        parameter.regex += "?"
    elif symbol in "?+":
        parameter.regex += symbol
    elif symbol == "<":
        if parameter.type not in ("a", "f"):
            raise JsonataError("S0401", value=parameter.type, position=at)
        end = _closing(text, at, "<", ">")
        parameter.subtype = text[at + 1 : end]
        return end
    return at


def _closing(text: str, start: int, opening: str, closing: str) -> int:
    depth = 1
    for at in range(start + 1, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at
    return len(text)
