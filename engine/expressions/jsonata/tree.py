"""The nodes of a parsed JSONata expression. The parser writes them, `resolve.py` reshapes them, the compiler reads."""

from __future__ import annotations

from typing import Any, Final

from engine.expressions.jsonata.signature import Signature


class Slot:
    """The place that a `%` looks for: how many steps up, and under which name the value is bound there."""

    __slots__ = ("index", "label", "level")

    def __init__(self, index: int) -> None:
        """One step up, under a name that no variable can have."""
        self.index = index
        self.label = f"!{index}"
        self.level = 1


class Node:
    """One node. `type` says which attributes mean something.

    Attributes:
        type: `path`, `binary`, `unary`, `name`, `variable`, `lambda`, ...
        value: operator, name or literal.
        position: offset of the token in the text.
        steps, stages, predicate, group: of paths and their steps.
        focus, index, ancestor, tuple: a step that binds `@$x`, `#$i` or a parent.
        keep_array, keep_singleton_array, cons_array: whether a sequence of one collapses to its value.
        height: levels of nodes below and including this one.
    """

    __slots__ = (
        "ancestor",
        "arguments",
        "body",
        "condition",
        "cons_array",
        "delete",
        "descending",
        "expression",
        "expressions",
        "focus",
        "group",
        "height",
        "id",
        "index",
        "keep_array",
        "keep_singleton_array",
        "lhs",
        "otherwise",
        "pairs",
        "pattern",
        "position",
        "predicate",
        "procedure",
        "rhs",
        "seeking_parent",
        "signature",
        "slot",
        "stages",
        "steps",
        "terms",
        "then",
        "tuple",
        "type",
        "update",
        "value",
    )

    lhs: Node
    rhs: Node
    expression: Node
    condition: Node
    then: Node
    body: Node
    procedure: Node
    pattern: Node
    update: Node
    slot: Slot
    steps: list[Node]
    pairs: list[tuple[Node, Node]]
    expressions: list[Node]
    arguments: list[Node]
    terms: list[Node]

    def __init__(self, type: str, value: Any = None, position: int = 0, id: str = "") -> None:
        """A node without children."""
        self.type = type
        self.value = value
        self.position = position
        self.id = id
        self.height = 1
        self.stages: list[Node] | None = None
        self.predicate: list[Node] | None = None
        self.group: Node | None = None
        self.focus: str | None = None
        self.index: str | None = None
        self.ancestor: Slot | None = None
        self.tuple = False
        self.keep_array = False
        self.keep_singleton_array = False
        self.cons_array = False
        self.descending = False
        self.otherwise: Node | None = None
        self.delete: Node | None = None
        self.seeking_parent: list[Slot] | None = None
        self.signature: Signature | None = None


def children(node: Node) -> list[Node]:
    """The nodes right below a node, in writing order as far as it matters."""
    found: list[Node] = []
    for name in _OF_LEAVES if node.type in _LEAVES else _CHILD_ATTRIBUTES:
        child = getattr(node, name, None)
        if child is None:
            continue
        if isinstance(child, list):
            for item in child:
                if isinstance(item, tuple):
                    found += item
                elif isinstance(item, Node):
                    found.append(item)
        elif isinstance(child, Node):
            found.append(child)
    return found


_OF_LEAVES: Final = ("predicate", "stages", "group")
_LEAVES: Final = frozenset({"name", "variable", "string", "number"})
"""Types whose nodes have nothing below but what every step may have: half of all nodes."""
_CHILD_ATTRIBUTES: Final = (
    "condition", "then", "lhs", "rhs", "otherwise", "procedure", "arguments", "steps", "expressions", "pairs",
    "pattern", "update", "delete", "expression", "body", "predicate", "stages", "group", "terms",
)  # fmt: skip
