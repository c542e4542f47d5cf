"""Reshapes raw nodes: chains of dots become paths, brackets become predicates, `%` finds the step that it means.

Follows `processAST` of the reference library jsonata-js. Recursion is bounded by the parser's `HEIGHT_MAX`.
"""

from __future__ import annotations

from typing import Final

from engine.expressions.jsonata.errors import JsonataError
from engine.expressions.jsonata.parser import parse
from engine.expressions.jsonata.tree import Node, Slot

_SAME: Final = frozenset({"string", "number", "value", "wildcard", "descendant", "variable", "regex"})


def parse_expression(text: str) -> Node:
    """Parse and reshape a whole expression.

    Raises:
        JsonataError: an S code.
        TooDeep: nested deeper than can ever be evaluated.
    """
    root = _Resolver().resolve(parse(text))
    if root.type == "parent" or root.seeking_parent:
        raise JsonataError("S0217", token=root.type, position=root.position)
    return root


def _like(node: Node, type: str | None = None) -> Node:
    fresh = Node(type or node.type, node.value, node.position, node.id)
    fresh.height = node.height
    return fresh


class _Resolver:
    def __init__(self) -> None:
        self.parents: list[Node] = []

    def resolve(self, node: Node) -> Node:
        kind = node.type
        if kind in _SAME:
            result = node
        elif kind == "binary":
            result = self._binary(node)
        elif kind == "name":
            result = self._name(node)
        elif kind == "unary":
            result = self._unary(node)
        elif kind in ("function", "partial"):
            result = self._call(node)
        else:
            result = self._other(node)
        if node.keep_array:
            result.keep_array = True
        return result

    def _name(self, node: Node) -> Node:
        result = Node("path", None, node.position)
        result.steps = [node]
        result.keep_singleton_array = node.keep_array
        return result

    def _other(self, node: Node) -> Node:
        if node.type == "parent":
            result = Node("parent", None, node.position)
            result.slot = Slot(len(self.parents))
            self.parents.append(result)
            return result
        if node.type == "operator" and node.value in ("and", "or", "in"):
            node.type = "name"
            return self.resolve(node)
        if node.type == "operator" and node.value == "?":
            return node
        if node.type == "operator":
            raise JsonataError("S0201", position=node.position, token=node.value)
        build = {
            "lambda": self._lambda,
            "condition": self._condition,
            "elvis": self._alternative,
            "coalesce": self._alternative,
            "transform": self._transform,
            "block": self._block,
        }.get(node.type)
        if build is None:
            raise JsonataError("S0207" if node.id == "(end)" else "S0206", position=node.position, token=node.value)
        return build(node)

    # Binary ---------------------------------------------------------------------------------------------------

    def _binary(self, node: Node) -> Node:
        build = {
            ".": self._path,
            "[": self._predicate,
            "{": self._group,
            "^": self._order,
            ":=": self._bind,
            "@": self._focus,
            "#": self._index,
            "~>": self._apply,
        }.get(node.value)
        if build is not None:
            return build(node)
        result = _like(node)
        result.lhs, result.rhs = self.resolve(node.lhs), self.resolve(node.rhs)
        _seek_through(result, result.lhs)
        _seek_through(result, result.rhs)
        return result

    def _path(self, node: Node) -> Node:
        left = self.resolve(node.lhs)
        if left.type == "path":
            result = left
        else:
            result = Node("path", None, node.position)
            result.steps = [left]
        if left.type == "parent":
            result.seeking_parent = [left.slot]
        rest = self.resolve(node.rhs)
        if rest.type == "path":
            result.steps.extend(rest.steps)
        else:
            if rest.predicate is not None:
                rest.stages, rest.predicate = rest.predicate, None
            result.steps.append(rest)
        for step in result.steps:
            if step.type in ("number", "value"):
                raise JsonataError("S0213", position=step.position, value=step.value)
            if step.type == "string":
                step.type = "name"
        if any(step.keep_array for step in result.steps):
            result.keep_singleton_array = True
        for step in (result.steps[0], result.steps[-1]):
            if step.type == "unary" and step.value == "[":
                step.cons_array = True
        self._resolve_ancestry(result)
        return result

    def _predicate(self, node: Node) -> Node:
        result = self.resolve(node.lhs)
        in_path = result.type == "path"
        step = result.steps[-1] if in_path else result
        if step.group is not None:
            raise JsonataError("S0209", position=node.position)
        predicate = self.resolve(node.rhs)
        if predicate.seeking_parent is not None:
            for slot in predicate.seeking_parent:
                if slot.level == 1:
                    self._seek(step, slot)
                else:
                    slot.level -= 1
            _seek_through(step, predicate)
        stage = Node("filter", None, node.position)
        stage.expression = predicate
        if in_path:
            step.stages = [*(step.stages or ()), stage]
        else:
            step.predicate = [*(step.predicate or ()), stage]
        return result

    def _group(self, node: Node) -> Node:
        result = self.resolve(node.lhs)
        if result.group is not None:
            raise JsonataError("S0210", position=node.position)
        group = Node("group", None, node.position)
        group.pairs = [(self.resolve(key), self.resolve(value)) for key, value in node.pairs]
        result.group = group
        return result

    def _order(self, node: Node) -> Node:
        result = self.resolve(node.lhs)
        if result.type != "path":
            step, result = result, Node("path", None, node.position)
            result.steps = [step]
        sort = Node("sort", None, node.position)
        sort.terms = node.terms
        for term in sort.terms:
            term.expression = self.resolve(term.expression)
            _seek_through(sort, term.expression)
        result.steps.append(sort)
        self._resolve_ancestry(result)
        return result

    def _bind(self, node: Node) -> Node:
        result = _like(node, "bind")
        result.lhs, result.rhs = self.resolve(node.lhs), self.resolve(node.rhs)
        _seek_through(result, result.rhs)
        return result

    def _focus(self, node: Node) -> Node:
        result = self.resolve(node.lhs)
        step = result.steps[-1] if result.type == "path" else result
        if step.stages is not None or step.predicate is not None:
            raise JsonataError("S0215", position=node.position)
        if step.type == "sort":
            raise JsonataError("S0216", position=node.position)
        if node.keep_array:
            step.keep_array = True
        step.focus = node.rhs.value
        step.tuple = True
        return result

    def _index(self, node: Node) -> Node:
        result = self.resolve(node.lhs)
        if result.type == "path":
            step = result.steps[-1]
        else:
            step, result = result, Node("path", None, node.position)
            result.steps = [step]
            if step.predicate is not None:
                step.stages, step.predicate = step.predicate, None
        if step.stages is None:
            step.index = node.rhs.value
        else:
            step.stages.append(Node("index", node.rhs.value, node.position))
        step.tuple = True
        return result

    def _apply(self, node: Node) -> Node:
        result = _like(node, "apply")
        result.lhs, result.rhs = self.resolve(node.lhs), self.resolve(node.rhs)
        result.keep_array = result.lhs.keep_array or result.rhs.keep_array
        return result

    # Everything else ------------------------------------------------------------------------------------------

    def _unary(self, node: Node) -> Node:
        result = _like(node)
        if node.value == "[":
            result.expressions = [self.resolve(item) for item in node.expressions]
            for item in result.expressions:
                _seek_through(result, item)
        elif node.value == "{":
            result.pairs = [(self.resolve(key), self.resolve(value)) for key, value in node.pairs]
            for key, value in result.pairs:
                _seek_through(result, key)
                _seek_through(result, value)
        else:
            inner = self.resolve(node.expression)
            if inner.type == "number":
                inner.value = -inner.value
                return inner
            result.expression = inner
            _seek_through(result, inner)
        return result

    def _call(self, node: Node) -> Node:
        result = _like(node)
        result.arguments = [self.resolve(argument) for argument in node.arguments]
        for argument in result.arguments:
            _seek_through(result, argument)
        result.procedure = self.resolve(node.procedure)
        return result

    def _lambda(self, node: Node) -> Node:
        result = _like(node)
        result.arguments, result.signature = node.arguments, node.signature
        result.body = _with_tail_calls(self.resolve(node.body))
        return result

    def _condition(self, node: Node) -> Node:
        result = _like(node)
        result.condition, result.then = self.resolve(node.condition), self.resolve(node.then)
        _seek_through(result, result.condition)
        _seek_through(result, result.then)
        if node.otherwise is not None:
            result.otherwise = self.resolve(node.otherwise)
            _seek_through(result, result.otherwise)
        return result

    def _alternative(self, node: Node) -> Node:
        result = _like(node)
        result.lhs, result.otherwise = self.resolve(node.lhs), self.resolve(node.rhs)
        _seek_through(result, result.lhs)
        _seek_through(result, result.otherwise)
        return result

    def _transform(self, node: Node) -> Node:
        result = _like(node)
        result.pattern, result.update = self.resolve(node.pattern), self.resolve(node.update)
        if node.delete is not None:
            result.delete = self.resolve(node.delete)
        return result

    def _block(self, node: Node) -> Node:
        result = _like(node)
        result.expressions = []
        for item in node.expressions:
            part = self.resolve(item)
            _seek_through(result, part)
            if part.cons_array or (part.type == "path" and part.steps[0].cons_array):
                result.cons_array = True
            result.expressions.append(part)
        return result

    # Parents --------------------------------------------------------------------------------------------------

    def _resolve_ancestry(self, path: Node) -> None:
        last = path.steps[-1]
        slots = list(last.seeking_parent or ())
        if last.type == "parent":
            slots.append(last.slot)
        for slot in slots:
            at = len(path.steps) - 2
            while slot.level > 0:
                if at < 0:
                    path.seeking_parent = [*(path.seeking_parent or ()), slot]
                    break
                step = path.steps[at]
                at -= 1
                while at >= 0 and step.focus and path.steps[at].focus:
                    step = path.steps[at]
                    at -= 1
                slot = self._seek(step, slot)

    def _seek(self, node: Node, slot: Slot) -> Slot:
        """Bind the slot to the node that is its parent, if it is in here."""
        if node.type in ("name", "wildcard"):
            slot.level -= 1
            if slot.level == 0:
                if node.ancestor is not None:
                    self.parents[slot.index].slot.label = node.ancestor.label
                node.ancestor = slot
                node.tuple = True
        elif node.type == "parent":
            slot.level += 1
        elif node.type == "block":
            if node.expressions:
                node.tuple = True
                slot = self._seek(node.expressions[-1], slot)
        elif node.type == "path":
            node.tuple = True
            at = len(node.steps) - 1
            slot = self._seek(node.steps[at], slot)
            while slot.level > 0 and at > 0:
                at -= 1
                slot = self._seek(node.steps[at], slot)
        else:
            raise JsonataError("S0217", token=node.type, position=node.position)
        return slot


def _seek_through(result: Node, part: Node) -> None:
    """What a part could not find, the whole goes on looking for."""
    if part.seeking_parent is not None or part.type == "parent":
        slots = list(part.seeking_parent or ())
        if part.type == "parent":
            slots.append(part.slot)
        result.seeking_parent = [*(result.seeking_parent or ()), *slots]


def _with_tail_calls(node: Node) -> Node:
    """Calls in tail position become thunks, which the caller runs in a loop instead of deeper and deeper."""
    if node.type == "function" and node.predicate is None:
        thunk = Node("thunk", None, node.position)
        thunk.body = node
        return thunk
    if node.type == "condition":
        node.then = _with_tail_calls(node.then)
    if node.type in ("condition", "elvis", "coalesce") and node.otherwise is not None:
        node.otherwise = _with_tail_calls(node.otherwise)
    elif node.type == "block" and node.expressions:
        node.expressions[-1] = _with_tail_calls(node.expressions[-1])
    return node
