"""What an expression mentions: names that it binds, variables of the machine, names at the top level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from engine.expressions.jsonata.root import NATIVES
from engine.expressions.jsonata.tree import Node, children

_NEVER_FREE: Final = frozenset([*NATIVES, "", "$", "states"])


def bound_names(root: Node) -> frozenset[str]:
    """Every variable that the expression binds somewhere: by `:=`, as parameter, by `@` or `#`."""
    return frozenset(_bound(_nodes(root)))


def _nodes(root: Node) -> Iterator[Node]:
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(children(node)))


def _bound(nodes: Iterable[Node]) -> Iterator[str]:
    for node in nodes:
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


class Mentions(NamedTuple):
    """What an expression mentions, wherever it stands.

    Attributes:
        variables: of the machine, without those that the expression binds itself.
        refused: messages about names that are allowed nowhere, with their positions.
        states_fields: `result` and `errorOutput` of `$states`, which only some places have, with their positions.
    """

    variables: frozenset[str]
    refused: tuple[tuple[int, str], ...]
    states_fields: tuple[tuple[int, str], ...]


def mentions_of(root: Node) -> Mentions:
    """Find everything in one walk and one look at the top level."""
    refused: list[tuple[int, str]] = []
    _top_level(root, refused)
    nodes = list(_nodes(root))
    fields: list[tuple[int, str]] = []
    used: set[str] = set()
    for node in nodes:
        if node.type == "variable":
            used.add(node.value)
            if node.value == "$":
                refused.append((node.position, "Reference to '$$' is not supported."))
        elif node.type == "path" and len(node.steps) > 1 and node.steps[0].type == "variable":
            first, field = node.steps[0], node.steps[1]
            if first.value == "states" and field.type == "name" and field.value in ("result", "errorOutput"):
                fields.append((field.position, field.value))
    free = used - _NEVER_FREE - set(_bound(nodes)) if used else used
    return Mentions(frozenset(free), tuple(refused), tuple(fields))


def unsupported_names(mentions: Mentions, has_result: bool, has_error_output: bool) -> list[str]:
    """The service's messages about names that it does not allow, each once, in writing order."""
    exists = {"result": has_result, "errorOutput": has_error_output}
    found = [*mentions.refused]
    found += [
        (position, f"Field '$states.{field}' does not exist.")
        for position, field in mentions.states_fields
        if not exists[field]
    ]
    return list(dict.fromkeys(message for _, message in sorted(found, key=lambda it: it[0])))


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
            inner = {id(it) for it in (*(node.predicate or ()), *(node.stages or ()), node.group)}
            todo.extend(child for child in children(node) if id(child) not in inner)
