"""Functions as values, and how they are called: lambdas, built-in functions, partial application, regexes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.run import CALL_STEPS, Frame, Run
from engine.expressions.jsonata.sequences import collapse
from engine.expressions.jsonata.signature import Signature
from engine.expressions.jsonata.values import UNDEFINED, Function
from engine.expressions.linear_regex import Pattern

Code = Callable[[Any, Frame], Any]
"""A compiled node: context and frame in, value out."""
Implementation = Callable[..., Any]


class Body(Protocol):
    """The compiled body of a lambda.

    Attributes:
        code: for all depths up to `deepest`.
        deepest: the last depth at which the whole body fits below the limit; -1 before it is compiled.
        steps: what a call costs; little more than nothing before it is compiled.
    """

    code: Code
    deepest: int
    steps: int

    def code_at(self, depth: int) -> Code:
        """The code for a body that is entered at this depth."""


class Lambda(Function):
    """`function($a, $b){...}` with the frame and context in which it was written."""

    __slots__ = ("body", "frame", "input", "parameters", "signature")

    def __init__(
        self, parameters: tuple[str, ...], body: Body, input: Any, frame: Frame, signature: Signature | None
    ) -> None:
        """Close over frame and context."""
        self.parameters = parameters
        self.body = body
        self.input = input
        self.frame = frame
        self.signature = signature
        self.arity = len(parameters)


class Native(Function):
    """A built-in function; the implementation takes the run and the validated arguments.

    Attributes:
        steps: what a call costs, beside what its arguments' sizes do.
    """

    __slots__ = ("implementation", "name", "signature", "steps")

    def __init__(
        self,
        name: str,
        implementation: Implementation,
        arity: int,
        signature: Signature | None,
        steps: int = CALL_STEPS,
    ) -> None:
        """Keep all."""
        self.steps = steps
        self.name = name
        self.implementation = implementation
        self.arity = arity
        self.signature = signature


class Partial(Function):
    """`$f(?, 2)`: arguments with holes."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Function, arguments: list[Any]) -> None:
        """Holes are `HOLE`."""
        self.function = function
        self.arguments = arguments
        self.arity = sum(argument is HOLE for argument in arguments)


class Composed(Function):
    """`$f ~> $g`: first f, then g."""

    __slots__ = ("first", "second")

    def __init__(self, first: Function, second: Function) -> None:
        """Keep both."""
        self.first = first
        self.second = second
        self.arity = 1


class Matcher(Function):
    """A regular expression; called with a text it gives the first match, which knows the next."""

    __slots__ = ("first", "pattern")

    def __init__(self, pattern: Pattern, first: Implementation) -> None:
        """Keep the compiled pattern and what finds the first match."""
        self.pattern = pattern
        self.first = first
        self.arity = 2


class Thunk:
    """A call in tail position that has not been made yet."""

    __slots__ = ("arguments", "frame", "input", "procedure", "token")

    def __init__(self, procedure: Code, arguments: tuple[Code, ...], token: str | None, input: Any, frame: Frame):
        """Keep what the call needs."""
        self.procedure = procedure
        self.arguments = arguments
        self.token = token
        self.input = input
        self.frame = frame


HOLE = object()


def apply(function: Any, arguments: list[Any], context: Any, run: Run) -> Any:
    """Call a function that was handed over as a value: its errors carry its own name.

    Raises:
        JsonataError: T1006, it is no function; or whatever goes wrong inside.
    """
    try:
        return invoke(function, arguments, context, run)
    except JsonataError as error:
        error.name(function.name if isinstance(function, Native) else None)
        raise


def invoke(function: Any, arguments: list[Any], context: Any, run: Run) -> Any:
    """Call a function, and whatever calls stand in its tail position; the caller names the error.

    Raises:
        JsonataError: T1006, it is no function; or whatever goes wrong inside.
    """
    result = _apply_once(function, arguments, context, run)
    while result.__class__ is Thunk:
        try:
            function = result.procedure(result.input, result.frame)
            arguments = [argument(result.input, result.frame) for argument in result.arguments]
            result = _apply_once(function, arguments, context, run)
        except JsonataError as error:
            error.name(result.token)
            raise
    return result


def _apply_once(function: Any, arguments: list[Any], context: Any, run: Run) -> Any:
    kind = function.__class__
    if kind is Native:
        spend(function, arguments, run)
        if function.signature is not None:
            arguments = function.signature.validate(arguments, context, run)
        return function.implementation(run, *arguments)
    if kind is Lambda:
        run.step(function.body.steps)
        if function.signature is not None:
            arguments = function.signature.validate(arguments, context, run)
        names = dict(zip(function.parameters, arguments, strict=False))
        if len(arguments) < function.arity:
            for missing in function.parameters[len(arguments) :]:
                names[missing] = UNDEFINED
        body = function.body
        code = body.code if run.depth <= body.deepest else body.code_at(run.depth)
        return code(function.input, Frame(names, function.frame, run))
    run.step(CALL_STEPS)
    if kind is Partial:
        return _apply_partial(function, arguments, run)
    if kind is Composed:
        return apply(function.second, [collapse(apply(function.first, arguments[:1], None, run))], None, run)
    if kind is Matcher:
        return function.first(run, function, *(arguments or [UNDEFINED])[:2])
    raise JsonataError("T1006")


def spend(function: Native, arguments: list[Any], run: Run) -> None:
    """Account for a call of a built-in function, which may look through the texts that it is given.

    Raises:
        LimitExceeded: there are not enough steps left.
    """
    steps = function.steps
    for argument in arguments:
        if argument.__class__ is str and len(argument) > 1024:
            steps += len(argument) >> 10
    run.step(steps)


def _apply_partial(partial: Partial, arguments: list[Any], run: Run) -> Any:
    given = iter(arguments)
    filled = [next(given, UNDEFINED) if argument is HOLE else argument for argument in partial.arguments]
    function = partial.function
    if isinstance(function, Native):
        spend(function, filled, run)
        filled += [UNDEFINED] * (function.arity - len(filled))
        return function.implementation(run, *filled)
    return _apply_once(function, filled, None, run)


def call_with(function: Any, run: Run, value: Any, place: Any, whole: Any) -> Any:
    """Call the function of `$map` and its kin with as many of the three as it takes, at least the value."""
    if not isinstance(function, Function):
        raise JsonataError("T1006")
    if function.__class__ is Lambda and function.signature is None:
        arguments = [value, place, whole][: max(1, function.arity)]
        return invoke(function, arguments, None, run)
    if function.arity >= 3:
        return apply(function, [value, place, whole], None, run)
    return apply(function, [value, place] if function.arity == 2 else [value], None, run)
