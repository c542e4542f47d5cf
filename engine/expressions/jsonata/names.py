"""What an expression mentions: names that it binds, variables of the machine, names at the top level."""

from __future__ import annotations

from collections.abc import Iterator

from engine.expressions.jsonata.root import NATIVES
from engine.expressions.jsonata.tree import Node, children


def bound_names(root: Node) -> frozenset[str]:
    """Every variable that the expression binds somewhere: by `:=`, as parameter, by `@` or `#`."""
    return frozenset(_bound(root))


def _nodes(root: Node) -> Iterator[Node]:
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(list(children(node))))


def _bound(root: Node) -> Iterator[str]:
    for node in _nodes(root):
        if node.type == "bind":
            yield node.lhs.value
        elif node.type == "lambda":
            yield from (argument.value for argument in node.arguments)
        elif node.type == "index":
            yield node.value
        if node.focus is not None:
            yield node.focus
        if node.index is not None:
            yield node.index


def free_variables(root: Node) -> set[str]:
    """Variables of the machine that the expression may read."""
    bound = bound_names(root)
    used = {node.value for node in _nodes(root) if node.type == "variable"}
    return {name for name in used if name not in bound and name not in NATIVES and name not in ("", "$", "states")}


def unsupported_names(root: Node, has_result: bool, has_error_output: bool) -> list[str]:
    """The service's messages about names that it does not allow, each once, in writing order."""
    found: list[tuple[int, str]] = []
    _top_level(root, found)
    for node in _nodes(root):
        if node.type == "variable" and node.value == "$":
            found.append((node.position, "Reference to '$$' is not supported."))
        if node.type == "path" and len(node.steps) > 1 and node.steps[0].type == "variable":
            _states_field(node, found, has_result, has_error_output)
    return list(dict.fromkeys(message for _, message in sorted(found, key=lambda it: it[0])))


def _states_field(path: Node, found: list[tuple[int, str]], has_result: bool, has_error_output: bool) -> None:
    first, field = path.steps[0], path.steps[1]
    if first.value != "states" or field.type != "name":
        return
    if (field.value == "result" and not has_result) or (field.value == "errorOutput" and not has_error_output):
        found.append((field.position, f"Field '$states.{field.value}' does not exist."))


def _top_level(root: Node, found: list[tuple[int, str]]) -> None:
    """Names whose context is the top level: the first step of a path, not what stands inside or behind it."""
    todo = [root]
    while todo:
        node = todo.pop()
        if node.type == "path":
            todo.append(node.steps[0])
        elif node.type in ("name", "variable"):
            if node.type == "name" or node.value == "":
                name = node.value if node.type == "name" else "$"
                found.append((node.position, f"Reference to '{name}' at the top level is not supported."))
        elif node.type == "thunk":
            todo.append(node.body)
        elif node.type == "bind":
            todo.append(node.rhs)
        elif node.type == "lambda":
            todo.append(node.body)
        elif node.type != "transform":
            # Filters, groups and sort terms see items, not the top level.
            inner = [*(node.predicate or ()), *(node.stages or ()), node.group]
            todo.extend(child for child in children(node) if not any(child is it for it in inner))
