"""JSONata in the fields of a definition: from `{% ... %}` and a location to an `Expression`."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Any, Final

from engine.expressions.jsonata.calls import Code
from engine.expressions.jsonata.compiler import Compiler
from engine.expressions.jsonata.errors import STACK_OVERFLOW, InternalError, JsonataError, LimitExceeded
from engine.expressions.jsonata.library import FUNCTIONS
from engine.expressions.jsonata.names import Mentions, bound_names, mentions_of, unsupported_names
from engine.expressions.jsonata.outcome import UnsupportedResult, finished, finished_data, finished_input
from engine.expressions.jsonata.parser import TooDeep
from engine.expressions.jsonata.rendering import message_of
from engine.expressions.jsonata.resolve import parse_expression
from engine.expressions.jsonata.root import STATES_FIELDS
from engine.expressions.jsonata.run import Frame, Run
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, Document
from engine.expressions.scope import Expression, ExpressionSyntaxError, Scope
from engine.failure import evaluation_error
from engine.payload import Payload

_DELIMITERS: Final = "JSONata string must start with {% and end with %}"
_KINDS: Final = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}

assert FUNCTIONS, "the built-in functions are registered by importing the library"


def is_jsonata(text: str) -> bool:
    """Is the string an expression? Anything without delimiters is literal.

    Raises:
        ExpressionSyntaxError: only one of the delimiters is there.
    """
    opens, closes = text.startswith("{%"), text.endswith("%}")
    if opens != closes or (opens and len(text) < 4):
        raise ExpressionSyntaxError(_DELIMITERS)
    return opens


def compile_jsonata(text: str, location: str) -> Expression:
    """Compile `{% ... %}`; failures are States.QueryEvaluationError at the location.

    Raises:
        ExpressionSyntaxError: the text has no delimiters or does not parse.
    """
    source = _source(text)
    code, data = _code(source), _data_path(source)
    start = f"The JSONata expression '{source}' specified for the field '{location}' "

    def expression(scope: Scope) -> Any:
        try:
            if data is not None and (value := data.find(scope)) is not UNDEFINED:
                return data.finish(value, scope)
            value = _evaluated(code, UNDEFINED, Frame({}, None, Run(scope)))
            if value is not UNDEFINED:
                return finished(value) if data is None else data.finish(value, scope)
        except JsonataError as error:
            cause = f"threw an error during evaluation. {error.code}: {message_of(error)}"
        except LimitExceeded as limit:
            cause = f"threw an error during evaluation: {limit}"
        except InternalError:
            cause = f"threw an internal error during evaluation. {uuid.UUID(bytes=scope.entropy(16), version=4)}"
        except UnsupportedResult:
            cause = "returned an unsupported result type."
        else:
            cause = "returned nothing (undefined)."
        raise evaluation_error(start + cause, location) from None

    return expression


def evaluate(source: str, document: Any, scope: Scope) -> Any:
    """Evaluate an expression without delimiters on a document of its own, which `$` and bare names then mean.

    Returns:
        The JSONata value, `UNDEFINED` among them.

    Raises:
        ExpressionSyntaxError: it does not parse.
        JsonataError: it fails.
        LimitExceeded: it takes too much.
        InternalError: a function met a value that it was not made for.
    """
    context = Document([document]) if isinstance(document, list) else document
    return _evaluated(_code(source), context, Frame({"$": document}, None, Run(scope)))


def check_jsonata(text: str, has_result: bool = True, has_error_output: bool = False) -> list[tuple[str, str]]:
    """The service's reasons to refuse a `{% %}` string: (code, message) of each.

    Args:
        text: with delimiters.
        has_result: `$states.result` exists in this field.
        has_error_output: `$states.errorOutput` exists in this field.
    """
    try:
        mentions = _mentions(_source(text))
    except ExpressionSyntaxError as error:
        return [("INVALID_JSONATA_EXPRESSION", str(error))]
    messages = unsupported_names(mentions, has_result, has_error_output)
    return [("UNSUPPORTED_JSONATA_EXPRESSION", message) for message in messages]


def variables_of_jsonata(text: str) -> frozenset[str]:
    """Names of the machine's variables that a `{% %}` string may read, without the dollar sign; none of a bad text."""
    try:
        return _mentions(_source(text)).variables
    except ExpressionSyntaxError:
        return frozenset()


def expect(value: Any, kind: str, expression: str, location: str) -> Any:
    """The value if it is an array, object, string, number, boolean or null as wanted.

    Args:
        value: what the expression gave.
        kind: the wanted one.
        expression: the expression's text, for the message.
        location: its place.

    Raises:
        StateError: States.QueryEvaluationError.
    """
    found = _KINDS.get(type(value), "null")
    if found == kind:
        return value
    raise evaluation_error(
        f"The JSONata expression '{expression}' specified for the field '{location}' returned an unexpected result "
        f"type. Expected '{kind}', but was '{found}' for value: {Payload(value).text.decode()}",
        location,
    )


def _source(text: str) -> str:
    if not is_jsonata(text):
        raise ExpressionSyntaxError(_DELIMITERS)
    return text[2:-2].strip()


@lru_cache(maxsize=4096)
def _root(source: str) -> Node | None:
    """The parsed expression; None when it is nested too deeply to be evaluated."""
    try:
        return parse_expression(source)
    except JsonataError as error:
        raise ExpressionSyntaxError(message_of(error)) from None
    except TooDeep:
        return None


@lru_cache(maxsize=16_384)
def _mentions(source: str) -> Mentions:
    """Asked for twice of every expression of a definition, after all the others: more are kept than trees are."""
    root = _root(source)
    return Mentions(frozenset(), (), ()) if root is None else mentions_of(root)


@lru_cache(maxsize=4096)
def _code(source: str) -> Code:
    root = _root(source)
    return _refuse if root is None else Compiler(bound_names(root)).code(root, 1)


class _DataPath:
    """Names behind `$states.input` or a variable: a part of the execution's data, nothing that was made."""

    def __init__(self, names: list[str]) -> None:
        """`names` begin with that of the variable."""
        field = STATES_FIELDS.get(names[1]) if names[0] == "states" and len(names) > 1 else None
        self._start = field or (lambda scope: scope.variables.get(names[0], UNDEFINED))
        self._names = names[1:] if field is None else names[2:]
        self.finish = finished_input if names[:2] == ["states", "input"] else finished_data

    def find(self, scope: Scope) -> Any:
        """What objects alone lead to; UNDEFINED where a list is on the way or something is missing."""
        value = self._start(scope)
        for name in self._names:
            if value.__class__ is not dict:
                return UNDEFINED
            value = value.get(name, UNDEFINED)
        return value


def _data_path(source: str) -> _DataPath | None:
    root = _root(source)
    if root is None or root.type != "path" or root.group is not None or root.steps[0].type != "variable":
        return None
    first, *rest = root.steps
    plain = all(step.type == "name" and step.stages is None and not step.tuple for step in rest)
    keeps_arrays = root.keep_array or root.keep_singleton_array or any(step.keep_array for step in root.steps)
    if not plain or keeps_arrays or root.predicate is not None or first.value in ("", "$"):
        return None
    if first.predicate is not None or first.stages is not None or first.group is not None or first.tuple:
        return None
    return _DataPath([step.value for step in root.steps])


def _refuse(input: Any, frame: Frame) -> Any:
    raise LimitExceeded(STACK_OVERFLOW)


def _evaluated(code: Code, context: Any, frame: Frame) -> Any:
    """Run the code; where a function meets a value that it was not made for, the reference library crashes as well."""
    try:
        return code(context, frame)
    except RecursionError:
        raise LimitExceeded(STACK_OVERFLOW) from None
    except (TypeError, AttributeError, LookupError, ArithmeticError, ValueError) as error:
        raise InternalError(type(error).__name__) from error
