"""From nodes to closures: every node becomes a function of context and frame.

Depth is counted as the service does, one level for every node that is being evaluated: it is known when compiling,
apart from calls, so a node that lies too deep compiles to a refusal and costs nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.expressions.jsonata.calls import HOLE, Code, Composed, Lambda, Matcher, Native, Partial, Thunk, apply
from engine.expressions.jsonata.errors import STACK_OVERFLOW, JsonataError, LimitExceeded
from engine.expressions.jsonata.groups import compile_group, compile_object
from engine.expressions.jsonata.operators import OPERATORS
from engine.expressions.jsonata.paths import compile_filters, compile_path
from engine.expressions.jsonata.root import NATIVES, root_lookup
from engine.expressions.jsonata.run import CALL_STEPS, Frame
from engine.expressions.jsonata.sequences import collapse, descendants, lookup, wildcard
from engine.expressions.jsonata.transforms import compile_transform
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, ConsArray, Document, Function, Sequence, is_number, truth
from engine.limits import JSONATA_DEPTH_MAX

_SEQUENCES = frozenset({"name", "wildcard", "descendant", "function", "apply"})
_UNKNOWN_DEPTH = -(2**31)


class Compiler:
    """Compiles the nodes of one expression or of one lambda's body.

    Attributes:
        bound: names that the expression binds anywhere; other names can only be the service's.
        height: the deepest level that was compiled, counted from where the code is entered.
    """

    def __init__(self, bound: frozenset[str], base: int = 0) -> None:
        """`base` is the level from which depths are counted."""
        self.bound = bound
        self.base = base
        self.height = 0

    def code(self, node: Node, depth: int) -> Code:
        """Code for a node that is evaluated at this depth, counted from 1."""
        if self.base + depth > JSONATA_DEPTH_MAX:
            return _refuse_depth
        self.height = max(self.height, depth)
        code = _BUILDERS[node.type](self, node, depth)
        if node.predicate is not None:
            code = compile_filters(self, code, node.predicate, depth)
        if node.group is not None and node.type != "path":
            code = _then_group(code, compile_group(self, node.group.pairs, depth))
        if node.keep_array:
            return _keeping(code)
        if node.predicate is not None or node.type in _SEQUENCES or node.value == "..":
            return _collapsing(code)
        return code

    # Values ---------------------------------------------------------------------------------------------------

    def _string(self, node: Node, depth: int) -> Code:
        value = node.value
        return lambda context, frame: value

    def _name(self, node: Node, depth: int) -> Code:
        name = node.value
        return lambda context, frame: lookup(context, name, frame.run)

    def _variable(self, node: Node, depth: int) -> Code:
        name = node.value
        if name == "":
            return lambda context, frame: context[0] if context.__class__ is Document else context
        if name != "$" and name not in self.bound:
            return lambda context, frame: root_lookup(name, frame.run)
        return lambda context, frame: _find(name, frame)

    def _wildcard(self, node: Node, depth: int) -> Code:
        return lambda context, frame: wildcard(context, frame.run)

    def _descendant(self, node: Node, depth: int) -> Code:
        return lambda context, frame: descendants(context, frame.run)

    def _parent(self, node: Node, depth: int) -> Code:
        slot = node.slot
        return lambda context, frame: _find(slot.label, frame)

    def _regex(self, node: Node, depth: int) -> Code:
        pattern = node.value
        return lambda context, frame: Matcher(pattern)

    # Operators ------------------------------------------------------------------------------------------------

    def _path(self, node: Node, depth: int) -> Code:
        return compile_path(self, node, depth)

    def _binary(self, node: Node, depth: int) -> Code:
        left, right = self.code(node.lhs, depth + 1), self.code(node.rhs, depth + 1)
        if node.value == "and":
            return lambda context, frame: truth(left(context, frame)) and truth(right(context, frame))
        if node.value == "or":
            return lambda context, frame: truth(left(context, frame)) or truth(right(context, frame))
        operator = OPERATORS[node.value]
        token = node.value

        def code(input: Any, frame: Frame) -> Any:
            try:
                return operator(left(input, frame), right(input, frame), frame.run)
            except JsonataError as error:
                error.name(token)
                raise

        return code

    def _unary(self, node: Node, depth: int) -> Code:
        if node.value == "[":
            return self._array(node, depth)
        if node.value == "{":
            return compile_object(self, node, depth)
        operand = self.code(node.expression, depth + 1)

        def negate(input: Any, frame: Frame) -> Any:
            value = operand(input, frame)
            if value is UNDEFINED:
                return value
            if is_number(value):
                return -value
            raise JsonataError("D1002", token="-", value=value)

        return negate

    def _array(self, node: Node, depth: int) -> Code:
        items = [(item.value == "[", self.code(item, depth + 1)) for item in node.expressions]
        kind = ConsArray if node.cons_array else list

        def array(input: Any, frame: Frame) -> Any:
            result: list[Any] = []
            for is_array, item in items:
                value = item(input, frame)
                if value is UNDEFINED:
                    continue
                frame.run.keep(value)
                if is_array or not isinstance(value, list):
                    result.append(value)
                else:
                    result.extend(value)
            frame.run.hold(len(result))
            return result if kind is list else ConsArray(result)

        return array

    def _condition(self, node: Node, depth: int) -> Code:
        condition, then = self.code(node.condition, depth + 1), self.code(node.then, depth + 1)
        otherwise = _undefined if node.otherwise is None else self.code(node.otherwise, depth + 1)
        return lambda context, frame: (then if truth(condition(context, frame)) else otherwise)(context, frame)

    def _elvis(self, node: Node, depth: int) -> Code:
        assert node.otherwise is not None
        left, otherwise = self.code(node.lhs, depth + 1), self.code(node.otherwise, depth + 1)

        def code(input: Any, frame: Frame) -> Any:
            value = left(input, frame)
            return value if truth(value) else otherwise(input, frame)

        return code

    def _coalesce(self, node: Node, depth: int) -> Code:
        assert node.otherwise is not None
        left, otherwise = self.code(node.lhs, depth + 2), self.code(node.otherwise, depth + 1)

        def code(input: Any, frame: Frame) -> Any:
            value = left(input, frame)
            return otherwise(input, frame) if value is UNDEFINED else value

        return code

    def _bind(self, node: Node, depth: int) -> Code:
        name, value_of = node.lhs.value, self.code(node.rhs, depth + 1)

        def bind(input: Any, frame: Frame) -> Any:
            value = value_of(input, frame)
            frame.run.keep(value)
            frame.names[name] = value
            return value

        return bind

    def _block(self, node: Node, depth: int) -> Code:
        parts = [self.code(part, depth + 1) for part in node.expressions]
        if not parts:
            return _undefined
        *before, last = parts

        def block(input: Any, frame: Frame) -> Any:
            inner = Frame({}, frame, frame.run)
            for part in before:
                part(input, inner)
            return last(input, inner)

        return block

    # Functions ------------------------------------------------------------------------------------------------

    def _lambda(self, node: Node, depth: int) -> Code:
        parameters = tuple(argument.value for argument in node.arguments)
        body, signature = LambdaBody(node.body, self.bound), node.signature
        return lambda context, frame: Lambda(parameters, body, context, frame, signature)

    def _thunk(self, node: Node, depth: int) -> Code:
        call = node.body
        procedure = self.code(call.procedure, 1)
        arguments = tuple(self.code(argument, 1) for argument in call.arguments)
        token = _token(call)
        return lambda context, frame: Thunk(procedure, arguments, token, context, frame)

    def _function(self, node: Node, depth: int, piped: Code | None = None) -> Code:
        procedure = self.code(node.procedure, depth + 1)
        arguments = tuple(self.code(argument, depth + 1) for argument in node.arguments)
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
            run.step(CALL_STEPS)
            try:
                result = implementation(run, *validate(values, input))
            except JsonataError as error:
                error.name(token)
                raise
            run.depth = base
            return result

        def call(input: Any, frame: Frame) -> Any:
            run = frame.run
            function = procedure(input, frame)
            if function is UNDEFINED and hint is not None and _find(hint, frame) is not UNDEFINED:
                raise JsonataError("T1005", token=hint)
            values = [argument(input, frame) for argument in arguments]
            base = run.depth
            run.depth = base + depth
            try:
                result = apply(function, values, input, run)
            except JsonataError as error:
                error.name(token)
                raise
            run.depth = base
            return result

        if native is None or token in self.bound:
            return call
        implementation, validate = native.implementation, native.signature.validate
        return call_native

    def _partial(self, node: Node, depth: int) -> Code:
        procedure = self.code(node.procedure, depth + 1)
        arguments = [
            None if argument.type == "operator" else self.code(argument, depth + 1) for argument in node.arguments
        ]
        hint = node.procedure.steps[0].value if node.procedure.type == "path" else None

        def partial(input: Any, frame: Frame) -> Any:
            values = [HOLE if argument is None else argument(input, frame) for argument in arguments]
            function = procedure(input, frame)
            if function is UNDEFINED and hint is not None and _find(hint, frame) is not UNDEFINED:
                raise JsonataError("T1007", token=hint)
            if not isinstance(function, (Lambda, Native, Partial, Composed, Matcher)):
                raise JsonataError("T1008", token=hint)
            if isinstance(function, Lambda):
                values = [*values, *[UNDEFINED] * (function.arity - len(values))][: function.arity]
            return Partial(function, values)

        return partial

    def _apply(self, node: Node, depth: int) -> Code:
        left = self.code(node.lhs, depth + 1)
        if node.rhs.type == "function":
            # Evaluated in this node's place, not below it.
            return self._function(node.rhs, depth, left)
        right = self.code(node.rhs, depth + 1)

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

    def _transform(self, node: Node, depth: int) -> Code:
        return compile_transform(self, node)


class LambdaBody:
    """The body of a lambda, compiled when it is first called; near the depth limit once more per depth.

    Attributes:
        code: for all depths up to `deepest`.
        deepest: the last depth at which the whole body fits below the limit; -1 before it is compiled.
    """

    def __init__(self, node: Node, bound: frozenset[str]) -> None:
        """Compile nothing yet."""
        self._node = node
        self._bound = bound
        self._by_depth: dict[int, Code] = {}
        self.code: Code = _undefined
        self.deepest = -1

    def code_at(self, depth: int) -> Code:
        """The code for a body that is entered at this depth."""
        if self.deepest < 0:
            compiler = Compiler(self._bound, _UNKNOWN_DEPTH)
            self.code = compiler.code(self._node, 1)
            self.deepest = max(JSONATA_DEPTH_MAX - compiler.height, 0)
        if depth <= self.deepest:
            return self.code
        if depth not in self._by_depth:
            self._by_depth[depth] = Compiler(self._bound, depth).code(self._node, 1)
        return self._by_depth[depth]


def _token(call: Node) -> str | None:
    procedure = call.procedure
    if procedure.type in ("lambda", "block"):
        return None
    value = procedure.steps[0].value if procedure.type == "path" else procedure.value
    return value if isinstance(value, str) else None


def _find(name: str, frame: Frame | None) -> Any:
    """A variable's value, from the innermost frame outwards."""
    at = frame
    while at is not None:
        names = at.names
        if name in names:
            return names[name]
        if at.outer is None:
            return root_lookup(name, at.run)
        at = at.outer
    return UNDEFINED


def _undefined(input: Any, frame: Frame) -> Any:
    return UNDEFINED


def _refuse_depth(input: Any, frame: Frame) -> Any:
    raise LimitExceeded(STACK_OVERFLOW)


def _then_group(code: Code, group: Code) -> Code:
    return lambda context, frame: group(code(context, frame), frame)


def _collapsing(code: Code) -> Code:
    def collapsing(input: Any, frame: Frame) -> Any:
        value = code(input, frame)
        return collapse(value) if value.__class__ is Sequence else value

    return collapsing


def _keeping(code: Code) -> Code:
    """`[]` behind a node: a sequence of one stays a sequence."""

    def keeping(input: Any, frame: Frame) -> Any:
        value = code(input, frame)
        if value.__class__ is Sequence and not value.tuple_stream:
            value.keep_singleton = True
        return collapse(value)

    return keeping


_BUILDERS: Final[dict[str, Callable[[Compiler, Node, int], Code]]] = {
    "string": Compiler._string,
    "number": Compiler._string,
    "value": Compiler._string,
    "name": Compiler._name,
    "variable": Compiler._variable,
    "wildcard": Compiler._wildcard,
    "descendant": Compiler._descendant,
    "parent": Compiler._parent,
    "regex": Compiler._regex,
    "path": Compiler._path,
    "binary": Compiler._binary,
    "unary": Compiler._unary,
    "condition": Compiler._condition,
    "elvis": Compiler._elvis,
    "coalesce": Compiler._coalesce,
    "bind": Compiler._bind,
    "block": Compiler._block,
    "lambda": Compiler._lambda,
    "thunk": Compiler._thunk,
    "function": Compiler._function,
    "partial": Compiler._partial,
    "apply": Compiler._apply,
    "transform": Compiler._transform,
}
