"""What a definition reads: the paths in its fields as a tree, and the values that would lead somewhere."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_PATH = re.compile(
    r"(?:\$\$\.(?:Map\.Item\.Value|Execution\.Input)|(?<!\$)\$)((?:\.[A-Za-z_][\w-]*|\.?\[[^\[\]]*\]|\.\*)+)"
)
_PIECE = re.compile(r"\.([A-Za-z_][\w-]*)|\.?\[['\"]([^'\"]+)['\"]\]|(\.?\[[^\[\]]*\]|\.\*)")
_JSONATA = re.compile(r"\$(?:states\.(?:input|result|errorOutput)|(?!states\b)\w+)((?:\.[A-Za-z_]\w*|\[[^\[\]]*\])+)")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_NUMBER = re.compile(r"(?<![\w.'\"])\d+(?:\.\d+)?")
_INTRINSIC = re.compile(r"States\.(\w+)\((?=([^()]*))")

EACH = "[*]"
ABSENT = object()
ITEMS = object()
"""Stands for a list of documents."""
JSON_TEXT = object()
"""Stands for the JSON of a document."""
TIME = "2026-01-01T00:00:10Z"
_NUMBERS = [0, 1, 3, 1000]
_KINDS: dict[str, list[Any]] = {
    "SecondsPath": [0, 5],
    "TimeoutSecondsPath": [30, 300],
    "HeartbeatSecondsPath": [10],
    "MaxConcurrencyPath": [0, 2],
    "TimestampPath": [TIME],
    "MathAdd": _NUMBERS,
    "MathRandom": _NUMBERS,
    "ItemsPath": [ITEMS],
    "ArrayRange": _NUMBERS,
    "Base64Encode": ["text"],
    "Base64Decode": ["dGV4dA=="],
    "StringSplit": ["a,b", "a/b/c"],
    "Hash": ["text"],
    "Format": ["{}", "a {} b {}"],
    "StringToJson": [JSON_TEXT],
}
_TESTS: dict[str, list[Any]] = {
    "IsPresent": [ABSENT, "text"],
    "IsNull": [None, "text"],
    "IsString": ["text", 7],
    "IsNumeric": ["text", 7],
    "IsBoolean": [True, "text"],
    "IsTimestamp": [TIME, "text"],
}


@dataclass
class Node:
    """A place in the tree: its members, whether it is a list, the values that were seen beside it."""

    members: dict[str, Node] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)

    def at(self, path: list[str]) -> Node:
        """The node at a path, made if it is not there."""
        node = self
        for name in path:
            node = node.members.setdefault(name, Node())
        return node


class Vocabulary:
    """The paths and values of one definition."""

    def __init__(self, definition: Any) -> None:
        """Read the whole definition."""
        self.root = Node()
        self.by_name: dict[str, list[Any]] = defaultdict(list)
        self._read(definition, "")

    def _read(self, value: Any, key: str) -> None:
        if isinstance(value, dict):
            if value.get("Type") == "Map" and not value.keys() & {"ItemsPath", "Items", "ItemReader"}:
                self._seen([], [ITEMS])
            if "Variable" in value:
                self._rule(value)
            for name, item in value.items():
                self._read(item, name)
        elif isinstance(value, list):
            for item in value:
                self._read(item, key)
        elif isinstance(value, str):
            self._text(value, key)

    def _text(self, text: str, key: str) -> None:
        if text.startswith("{%"):
            literals = [one or two for one, two in _QUOTED.findall(text)]
            literals += [float(number) if "." in number else int(number) for number in _NUMBER.findall(text)]
            for found in _JSONATA.finditer(text):
                self._seen(_pieces(found[1]), literals if key == "Condition" else [])
            return
        for found in _PATH.finditer(text):
            self._seen(_pieces(found[1]), _KINDS.get(key, []))
        for function, arguments in _INTRINSIC.findall(text):
            values = _KINDS.get(function, [ITEMS] if function.startswith("Array") and function != "Array" else [])
            for found in _PATH.finditer(arguments):
                self._seen(_pieces(found[1]), values)

    def _rule(self, rule: dict[str, Any]) -> None:
        for operator, operand in rule.items():
            if operator in ("Variable", "Next", "Comment"):
                continue
            values = list(_TESTS.get(operator, []))
            if operator.startswith("Numeric"):
                values += [operand - 1, operand, operand + 1] if isinstance(operand, (int, float)) else _NUMBERS
            elif operator.startswith("Timestamp"):
                values += [TIME, "2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]
            elif operator.startswith("String") and isinstance(operand, str):
                values += [operand, operand.replace("*", "x")]
            elif operator.startswith("Boolean"):
                values += [True, False]
            self._seen(_pieces(rule["Variable"][1:]), values)

    def _seen(self, path: list[str], values: list[Any]) -> None:
        self.root.at(path).values.extend(values)
        if path and path[-1] != EACH:
            self.by_name[path[-1]].extend(values)


def _pieces(path: str) -> list[str]:
    return list(_names(path))


def _names(path: str) -> Iterator[str]:
    for plain, quoted, _ in _PIECE.findall(path):
        yield plain or quoted or EACH
