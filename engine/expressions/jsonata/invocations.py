"""Compiles what makes and calls functions: lambdas, calls, partial application, `~>`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.expressions.jsonata.calls import (
    HOLE,
    Code,
    Composed,
    Lambda,
    Matcher,
    Native,
    Partial,
    Thunk,
    apply,
    invoke,
    spend,
)
from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.frames import find, undefined
from engine.expressions.jsonata.root import NATIVES
from engine.expressions.jsonata.run import CALL_STEPS, Frame
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, Function
from engine.limits import JSONATA_DEPTH_MAX

if TYPE_CHECKING:
    from engine.expressions.jsonata.compiler import Compiler

_UNKNOWN_DEPTH = -(2**31)


def compile_lambda(compiler: Compiler, node: Node, depth: int) -> Code:
    """`function($a){...}`: closes over frame and context."""
    parameters = tuple(argument.value for argument in node.arguments)
    body, signature = LambdaBody(compiler, node.body), node.signature
    return lambda context, frame: Lambda(parameters, body, context, frame, signature)


def compile_thunk(compiler: Compiler, node: Node, depth: int) -> Code:
    """A call in tail position: made by whoever called the function that it ends."""
    call = node.body
    procedure = compiler.code(call.procedure, 1)
    arguments = tuple(compiler.code(argument, 1) for argument in call.arguments)
    token = _token(call)
    return lambda context, frame: Thunk(procedure, arguments, token, context, frame)


def compile_function(compiler: Compiler, node: Node, depth: int, piped: Code | None = None) -> Code:
    """`f(a, b)`; `piped` is the left side of `~>`, which becomes the first argument."""
    procedure = compiler.code(node.procedure, depth + 1)
    arguments = tuple(compiler.code(argument, depth + 1) for argument in node.arguments)
    if piped is not None:
        arguments = (piped, *arguments)
    token = _token(node)
    hint = node.procedure.steps[0].value if node.procedure.type == "path" else None
    native = NATIVES.get(token or "") if node.procedure.type == "variable" else None

    def call_native(input: Any, frame: Frame) -> Any:
        """The service's function of that name, unless a variable of the machine hides it."""
        run = frame.run
        if token in run.scope.variables:
            return call(input, frame)
        values = [argument(input, frame) for argument in arguments]
        base = run.depth
        run.depth = base + depth
        try:
            spend(known, values, run)
            result = implementation(run, *validate(values, input, run))
        except JsonataError as error:
            error.name(token)
            raise
        run.depth = base
        return result

    def call(input: Any, frame: Frame) -> Any:
        run = frame.run
        function = procedure(input, frame)
        if function is UNDEFINED and hint is not None and find(hint, frame) is not UNDEFINED:
            raise JsonataError("T1005", token=hint)
        values = [argument(input, frame) for argument in arguments]
        base = run.depth
        run.depth = base + depth
        try:
            result = invoke(function, values, input, run)
        except JsonataError as error:
            error.name(token)
            raise
        run.depth = base
        return result

    if native is None or token in compiler.bound:
        return call
    known: Native = native
    implementation, validate = native.implementation, native.signature.validate
    return call_native


def compile_partial(compiler: Compiler, node: Node, depth: int) -> Code:
    """`f(?, b)`."""
    procedure = compiler.code(node.procedure, depth + 1)
    arguments = [
        None if argument.type == "operator" else compiler.code(argument, depth + 1) for argument in node.arguments
    ]
    hint = node.procedure.steps[0].value if node.procedure.type == "path" else None

    def partial(input: Any, frame: Frame) -> Any:
        values = [HOLE if argument is None else argument(input, frame) for argument in arguments]
        function = procedure(input, frame)
        if function is UNDEFINED and hint is not None and find(hint, frame) is not UNDEFINED:
            raise JsonataError("T1007", token=hint)
        if not isinstance(function, (Lambda, Native, Partial, Composed, Matcher)):
            raise JsonataError("T1008", token=hint)
        if isinstance(function, Lambda):
            values = [*values, *[UNDEFINED] * (function.arity - len(values))][: function.arity]
        return Partial(function, values)

    return partial


def compile_apply(compiler: Compiler, node: Node, depth: int) -> Code:
    """`a ~> f`: a call, or the composition of two functions."""
    left = compiler.code(node.lhs, depth + 1)
    if node.rhs.type == "function":
        # Evaluated in this node's place, not below it.
        return compile_function(compiler, node.rhs, depth, left)
    right = compiler.code(node.rhs, depth + 1)

    def pipe(input: Any, frame: Frame) -> Any:
        value = left(input, frame)
        function = right(input, frame)
        if not isinstance(function, Function):
            raise JsonataError("T2006", value=function)
        if isinstance(value, Function):
            return Composed(value, function)
        run = frame.run
        base = run.depth
        run.depth = base + depth
        result = apply(function, [value], None, run)
        run.depth = base
        return result

    return pipe


class LambdaBody:
    """The body of a lambda, compiled when it is first called; near the depth limit once more per depth.

    Attributes:
        code: for all depths up to `deepest`.
        deepest: the last depth at which the whole body fits below the limit; -1 before it is compiled.
        steps: what a call costs.
    """

    def __init__(self, compiler: Compiler, node: Node) -> None:
        """Compile nothing yet."""
        self._compiler = compiler
        self._node = node
        self._by_depth: dict[int, Code] = {}
        self.code: Code = undefined
        self.deepest = -1
        self.steps = CALL_STEPS

    def code_at(self, depth: int) -> Code:
        """The code for a body that is entered at this depth."""
        if self.deepest < 0:
            compiler = self._compiler.below(_UNKNOWN_DEPTH)
            self.code = compiler.code(self._node, 1)
            self.deepest = max(JSONATA_DEPTH_MAX - compiler.height, 0)
            self.steps = CALL_STEPS + (compiler.nodes >> 2)
        if depth <= self.deepest:
            return self.code
        if depth not in self._by_depth:
            self._by_depth[depth] = self._compiler.below(depth).code(self._node, 1)
        return self._by_depth[depth]


def _token(call: Node) -> str | None:
    procedure = call.procedure
    if procedure.type in ("lambda", "block"):
        return None
    value = procedure.steps[0].value if procedure.type == "path" else procedure.value
    return value if isinstance(value, str) else None
