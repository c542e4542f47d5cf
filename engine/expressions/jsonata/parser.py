"""The parser of JSONata: a top-down operator precedence parser, as in the reference library jsonata-js."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.lexer import BINDING_POWERS, UNKNOWN_OPERATORS, Lexer
from engine.expressions.jsonata.signature import parse_signature
from engine.expressions.jsonata.tree import Node

HEIGHT_MAX: Final = 140
"""Deeper trees are not built: nothing deeper than 100 can be evaluated anyway."""

_END: Final = "(end)"
_IDS: Final = {
    "name": "(name)",
    "variable": "(name)",
    "string": "(literal)",
    "number": "(literal)",
    "value": "(literal)",
    "regex": "(regex)",
}
_BINARY: Final = frozenset(
    {".", "+", "-", "*", "/", "%", "=", "<", ">", "!=", "<=", ">=", "&", "and", "or", "in", "~>"}
)
_TERMINALS: Final = frozenset({_END, "(name)", "(literal)", "(regex)", "and", "or", "in"})
_PREFIX_TYPES: Final = {"*": "wildcard", "**": "descendant", "%": "parent"}


class TooDeep(Exception):
    """The expression is nested deeper than can ever be evaluated."""


def parse(text: str) -> Node:
    """Parse a whole expression into raw nodes.

    Raises:
        JsonataError: an S code.
        TooDeep: more than `HEIGHT_MAX` levels.
    """
    parser = _Parser(text)
    parser.advance()
    root = parser.expression(0)
    if parser.node.id != _END:
        raise JsonataError("S0201", token=parser.node.value, position=parser.node.position)
    return root


class _Parser:
    def __init__(self, text: str) -> None:
        self.lexer = Lexer(text)
        self.end = Node(_END, _END, len(text), _END)
        self.node = self.end
        self.depth = 0
        self.peak = 0

    def advance(self, expected: str | None = None, after_term: bool = False) -> Node:
        node = self.node
        if expected is not None and node.id != expected:
            code = "S0203" if node.id == _END else "S0202"
            raise JsonataError(code, position=node.position, token=node.value, value=expected)
        token = self.lexer.next(after_term)
        if token is None:
            self.node = self.end
        else:
            symbol = token.value if token.type == "operator" else _IDS[token.type]
            if symbol in UNKNOWN_OPERATORS:
                raise JsonataError("S0204", position=token.position, token=token.value)
            self.node = Node(token.type, token.value, token.position, symbol)
        return self.node

    def expression(self, binding_power: int) -> Node:
        self.depth += 1
        if self.depth > HEIGHT_MAX:
            raise TooDeep
        node = self.node
        self.advance(None, after_term=True)
        left = self._measured(self._prefix, node, None)
        while binding_power < BINDING_POWERS.get(self.node.id, 0):
            node = self.node
            self.advance()
            left = self._measured(self._infix, node, left)
        self.depth -= 1
        self.peak = max(self.peak, left.height)
        return left

    def _measured(self, parse: Callable[[Node, Node | None], Node], node: Node, left: Node | None) -> Node:
        """Parse one construct and note how high its tree is."""
        outer, self.peak = self.peak, 0 if left is None else left.height
        result = parse(node, left)
        if result is not left:
            result.height = self.peak + 1
        if result.height > HEIGHT_MAX:
            raise TooDeep
        self.peak = outer
        return result

    # Prefix ---------------------------------------------------------------------------------------------------

    def _prefix(self, node: Node, _: Node | None) -> Node:
        symbol = node.id
        if symbol in _TERMINALS:
            return node
        if symbol in _PREFIX_TYPES:
            node.type = _PREFIX_TYPES[symbol]
            return node
        if symbol == "-":
            node.type = "unary"
            node.expression = self.expression(70)
            return node
        if symbol == "(":
            return self._block(node)
        if symbol == "[":
            return self._array(node)
        if symbol == "{":
            return self._object(node, None)
        if symbol == "|":
            return self._transform(node)
        raise JsonataError("S0211", token=node.value, position=node.position)

    def _block(self, node: Node) -> Node:
        node.type = "block"
        node.expressions = []
        while self.node.id != ")":
            node.expressions.append(self.expression(0))
            if self.node.id != ";":
                break
            self.advance(";")
        self.advance(")", after_term=True)
        return node

    def _separated(self, close: str, item: Callable[[], None]) -> None:
        """Items between commas up to the closing bracket; a comma is always followed by an item."""
        if self.node.id != close:
            while True:
                item()
                if self.node.id != ",":
                    break
                self.advance(",")
        self.advance(close, after_term=True)

    def _array(self, node: Node) -> Node:
        node.type, node.expressions = "unary", []

        def item() -> None:
            first = self.expression(0)
            if self.node.id != "..":
                node.expressions.append(first)
                return
            span = Node("binary", "..", self.node.position, "..")
            self.advance("..")
            span.lhs, span.rhs = first, self.expression(0)
            span.height = max(first.height, span.rhs.height) + 1
            self.peak = max(self.peak, span.height)
            node.expressions.append(span)

        self._separated("]", item)
        return node

    def _object(self, node: Node, left: Node | None) -> Node:
        node.pairs = []

        def pair() -> None:
            name = self.expression(0)
            self.advance(":")
            node.pairs.append((name, self.expression(0)))

        self._separated("}", pair)
        node.type = "unary" if left is None else "binary"
        if left is not None:
            node.lhs = left
        return node

    def _transform(self, node: Node) -> Node:
        node.type = "transform"
        node.pattern = self.expression(0)
        self.advance("|")
        node.update = self.expression(0)
        if self.node.id == ",":
            self.advance(",")
            node.delete = self.expression(0)
        self.advance("|")
        return node

    # Infix ----------------------------------------------------------------------------------------------------

    def _infix(self, node: Node, left: Node | None) -> Node:
        assert left is not None
        symbol = node.id
        if symbol in _BINARY:
            node.type, node.lhs, node.rhs = "binary", left, self.expression(BINDING_POWERS[symbol])
            return node
        if symbol == "(":
            return self._call(node, left)
        if symbol == "[":
            return self._filter(node, left)
        if symbol == "{":
            return self._object(node, left)
        if symbol == "^":
            return self._order(node, left)
        if symbol == "?":
            node.type, node.condition, node.then = "condition", left, self.expression(0)
            if self.node.id == ":":
                self.advance(":")
                node.otherwise = self.expression(0)
            return node
        if symbol in ("?:", "??"):
            node.type, node.lhs, node.rhs = "elvis" if symbol == "?:" else "coalesce", left, self.expression(0)
            return node
        return self._binding(node, left)

    def _binding(self, node: Node, left: Node) -> Node:
        if node.id == ":=":
            if left.type != "variable":
                raise JsonataError("S0212", position=left.position, token=left.value)
            node.type, node.lhs, node.rhs = "binary", left, self.expression(BINDING_POWERS[":="] - 1)
            return node
        if node.id in ("@", "#"):
            node.type, node.lhs, node.rhs = "binary", left, self.expression(BINDING_POWERS[node.id])
            if node.rhs.type != "variable":
                raise JsonataError("S0214", position=node.rhs.position, token=node.id)
            return node
        raise JsonataError("S0201", token=node.value, position=node.position)

    def _call(self, node: Node, left: Node) -> Node:
        node.type, node.procedure, node.arguments = "function", left, []

        def argument() -> None:
            if self.node.type == "operator" and self.node.id == "?":
                node.type = "partial"
                node.arguments.append(self.node)
                self.advance("?")
            else:
                node.arguments.append(self.expression(0))

        self._separated(")", argument)
        if left.type == "name" and left.value in ("function", "\u03bb"):
            self._lambda(node)
        return node

    def _lambda(self, node: Node) -> None:
        for at, argument in enumerate(node.arguments):
            if argument.type != "variable":
                raise JsonataError("S0208", position=argument.position, token=argument.value, value=at + 1)
        node.type = "lambda"
        if self.node.id == "<":
            depth, signature = 1, ["<"]
            while depth > 0 and self.node.id not in ("{", _END):
                token = self.advance()
                depth += (token.id == "<") - (token.id == ">")
                signature.append(str(token.value))
            self.advance(">")
            node.signature = parse_signature("".join(signature))
        self.advance("{")
        node.body = self.expression(0)
        self.advance("}")

    def _filter(self, node: Node, left: Node) -> Node:
        if self.node.id == "]":
            step = left
            while step.type == "binary" and step.value == "[":
                step = step.lhs
            step.keep_array = True
            self.advance("]")
            return left
        node.type, node.lhs, node.rhs = "binary", left, self.expression(0)
        self.advance("]", after_term=True)
        return node

    def _order(self, node: Node, left: Node) -> Node:
        self.advance("(")
        node.type, node.lhs, node.terms = "binary", left, []
        while True:
            term = Node("term", None, self.node.position)
            if self.node.id in ("<", ">"):
                term.descending = self.node.id == ">"
                self.advance(self.node.id)
            term.expression = self.expression(0)
            node.terms.append(term)
            if self.node.id != ",":
                break
            self.advance(",")
        self.advance(")")
        return node
