"""What an expression can see while a state runs, and the shape that every compiled expression has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.payload import Payload

MISSING: Final = object()

ContextMaker = Callable[[], Mapping[str, Any]]
Entropy = Callable[[int], bytes]
"""Random bytes from outside: the engine has no randomness of its own."""


class Scope:
    """The values in reach of one expression. Never change a value found here in place.

    Attributes:
        input: what `$` means in JSONPath and `$states.input` in JSONata.
        context: makes the context object when asked; most expressions never ask.
        variables: visible variables by name, without the dollar sign.
        entropy: random bytes for States.UUID, States.MathRandom, `$uuid`, `$random`.
        result: `$states.result`, or `MISSING` where there is none.
        error_output: `$states.errorOutput`, or `MISSING` outside a catcher.
        now_ms: Unix milliseconds for `$now` and `$millis`; None takes the moment at which the state was entered.
        prepared: the context object once JSONata has asked for it, made at most once.
        payload: the input with its text, where the input is a whole payload.
        input_is_plain: the input holds no number that JSONata would write otherwise; None until it was looked through.
    """

    __slots__ = (
        "context",
        "entropy",
        "error_output",
        "input",
        "input_is_plain",
        "now_ms",
        "payload",
        "prepared",
        "result",
        "variables",
    )

    def __init__(
        self,
        input: Any,
        context: ContextMaker,
        variables: Mapping[str, Any],
        entropy: Entropy,
        result: Any = MISSING,
        error_output: Any = MISSING,
        now_ms: int | None = None,
    ) -> None:
        """Keep the values; nothing is copied."""
        self.input = input
        self.context = context
        self.variables = variables
        self.entropy = entropy
        self.result = result
        self.error_output = error_output
        self.now_ms = now_ms
        self.prepared: Any = None
        self.input_is_plain: bool | None = None
        self.payload: Payload | None = None

    def at(self, input: Any) -> Scope:
        """The same surroundings with another `$`."""
        return Scope(input, self.context, self.variables, self.entropy, self.result, self.error_output, self.now_ms)

    def with_result(self, result: Any) -> Scope:
        """The same scope in which `$states.result` exists."""
        scope = Scope(self.input, self.context, self.variables, self.entropy, result, self.error_output, self.now_ms)
        scope.payload = self.payload
        return scope


Expression = Callable[[Scope], Any]
"""A compiled path, intrinsic, template or JSONata expression: a JSON value out, or `StateError` raised."""


class ExpressionSyntaxError(ValueError):
    """The text is no valid expression. `args[0]` is the message for the author; the validator adds the location."""
