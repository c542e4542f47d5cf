"""From nodes to closures: every node becomes a function of context and frame.

Depth is counted as the service does, one level for every node that is being evaluated: it is known when compiling,
apart from calls, so a node that lies too deep compiles to a refusal and costs nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.expressions.jsonata.calls import Code, Matcher
from engine.expressions.jsonata.errors import STACK_OVERFLOW, JsonataError, LimitExceeded
from engine.expressions.jsonata.filters import compile_filters
from engine.expressions.jsonata.frames import find, undefined
from engine.expressions.jsonata.functions_pattern import first_match
from engine.expressions.jsonata.groups import compile_group, compile_object
from engine.expressions.jsonata.invocations import (
    compile_apply,
    compile_function,
    compile_lambda,
    compile_partial,
    compile_thunk,
)
from engine.expressions.jsonata.operators import OPERATORS
from engine.expressions.jsonata.paths import compile_path
from engine.expressions.jsonata.root import root_lookup
from engine.expressions.jsonata.run import Frame
from engine.expressions.jsonata.sequences import collapse, descendants, lookup, wildcard
from engine.expressions.jsonata.transforms import compile_transform
from engine.expressions.jsonata.tree import Node
from engine.expressions.jsonata.values import UNDEFINED, ConsArray, Document, Sequence, is_number, truth
from engine.limits import JSONATA_DEPTH_MAX

_SEQUENCES = frozenset({"name", "wildcard", "descendant", "function", "apply"})


class Compiler:
    """Compiles the nodes of one expression or of one lambda's body.

    Attributes:
        bound: names that the expression binds anywhere; other names can only be the service's.
        height: the deepest level that was compiled, counted from where the code is entered.
        nodes: how many nodes were compiled, which is what a turn of their code costs.
    """

    def __init__(self, bound: frozenset[str], base: int = 0) -> None:
        """`base` is the level from which depths are counted."""
        self.bound = bound
        self.base = base
        self.height = 0
        self.nodes = 0

    def below(self, base: int) -> Compiler:
        """A compiler for code of the same expression that is entered at another level."""
        return Compiler(self.bound, base)

    def code(self, node: Node, depth: int) -> Code:
        """Code for a node that is evaluated at this depth, counted from 1."""
        if self.base + depth > JSONATA_DEPTH_MAX:
            return _refuse_depth
        self.height = max(self.height, depth)
        self.nodes += 1
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
        return lambda context, frame: find(name, frame)

    def _wildcard(self, node: Node, depth: int) -> Code:
        return lambda context, frame: wildcard(context, frame.run)

    def _descendant(self, node: Node, depth: int) -> Code:
        return lambda context, frame: descendants(context, frame.run)

    def _parent(self, node: Node, depth: int) -> Code:
        slot = node.slot
        return lambda context, frame: find(slot.label, frame)

    def _regex(self, node: Node, depth: int) -> Code:
        pattern = node.value
        return lambda context, frame: Matcher(pattern, first_match)

    # Operators ------------------------------------------------------------------------------------------------

    def _path(self, node: Node, depth: int) -> Code:
        return compile_path(self, node, depth)

    def _binary(self, node: Node, depth: int) -> Code:
        left, right = self.code(node.lhs, depth + 1), self.code(node.rhs, depth + 1)
        if node.value == "and":
            return lambda context, frame: (
                truth(left(context, frame), frame.run) and truth(right(context, frame), frame.run)
            )
        if node.value == "or":
            return lambda context, frame: (
                truth(left(context, frame), frame.run) or truth(right(context, frame), frame.run)
            )
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
        otherwise = undefined if node.otherwise is None else self.code(node.otherwise, depth + 1)
        return lambda context, frame: (then if truth(condition(context, frame), frame.run) else otherwise)(
            context, frame
        )

    def _elvis(self, node: Node, depth: int) -> Code:
        assert node.otherwise is not None
        left, otherwise = self.code(node.lhs, depth + 1), self.code(node.otherwise, depth + 1)

        def code(input: Any, frame: Frame) -> Any:
            value = left(input, frame)
            return value if truth(value, frame.run) else otherwise(input, frame)

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
            return undefined
        *before, last = parts
        if not before and not self.bound:
            # Nothing can be bound inside, so no frame is needed.
            return last

        def block(input: Any, frame: Frame) -> Any:
            inner = Frame({}, frame, frame.run)
            for part in before:
                part(input, inner)
            return last(input, inner)

        return block

    def _transform(self, node: Node, depth: int) -> Code:
        return compile_transform(self, node)


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
    "lambda": compile_lambda,
    "thunk": compile_thunk,
    "function": compile_function,
    "partial": compile_partial,
    "apply": compile_apply,
    "transform": Compiler._transform,
}
