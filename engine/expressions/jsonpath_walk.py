"""Evaluation of parsed JSONPaths: values found in document order, with a budget of visited nodes.

Source: the Jayway library's behaviour and texts; `Missing property in path $['no']` and
`No results for path: $['x']` are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.expressions.java_text import java_text
from engine.expressions.jsonpath_functions import call_function
from engine.expressions.jsonpath_operators import OPERATORS
from engine.expressions.jsonpath_tree import (
    Both,
    Compare,
    Either,
    Exists,
    Filter,
    Function,
    Index,
    Indexes,
    Literal,
    Not,
    Operand,
    Properties,
    Property,
    Scan,
    Select,
    Slice,
    Token,
    Wildcard,
    is_definite,
)
from engine.expressions.scope import MISSING
from engine.limits import JSONPATH_NODES_MAX


class PathMiss(Exception):
    """A definite path leads nowhere; the message is the library's text.

    Attributes:
        beyond_end: the last step is an index beyond the end of an existing array.
    """

    def __init__(self, text: str, beyond_end: bool = False) -> None:
        """Keep both."""
        super().__init__(text)
        self.text = text
        self.beyond_end = beyond_end


class PathMisuse(Exception):
    """An array step on something that is no array, or the budget is used up; the message is the library's text."""


class Walk:
    """One evaluation: the root document and how many nodes may still be visited."""

    __slots__ = ("left", "root")

    def __init__(self, root: Any, nodes_max: int = JSONPATH_NODES_MAX) -> None:
        """Start with a full budget."""
        self.root = root
        self.left = nodes_max

    def visit(self, nodes: int = 1) -> None:
        """Count visited nodes.

        Raises:
            PathMisuse: the budget is used up.
        """
        self.left -= nodes
        if self.left < 0:
            raise PathMisuse(f"The path visits more than {JSONPATH_NODES_MAX} nodes")

    def find(self, tokens: tuple[Token, ...], start: Any) -> Any:
        """The value of a definite path, the list of values of an indefinite one.

        An indefinite path finds an empty list where a definite one misses, be it before its first wildcard.
        Source: recordings `test_json_path_array_wildcard_or_slice_with_no_input`.

        Raises:
            PathMiss: nothing is there.
            PathMisuse: a step does not fit its value, or too many nodes.
        """
        if is_definite(tokens):
            return self.follow(tokens, start)
        try:
            return self.follow(tokens, start)
        except PathMiss:
            return []
        except PathMisuse:
            if self.left < 0 or isinstance(tokens[-1], Function):
                raise
            return []

    def follow(self, tokens: tuple[Token, ...], start: Any) -> Any:
        """As `find`, but a miss is raised in any case."""
        value = start
        for place, token in enumerate(tokens):
            if isinstance(token, (Property, Index)):
                value = step(value, tokens, place)
            elif isinstance(token, Function):
                value = self.call(token, value)
            elif isinstance(token, Properties) and place == len(tokens) - 1:
                value = _members(value, token, tokens, place)
            else:
                return self.spread([value], tokens[place:])
        return value

    def spread(self, values: list[Any], tokens: tuple[Token, ...]) -> Any:
        """Apply tokens to many values; what does not fit is left out. A function behind a scan gives one value."""
        scanning = scanned = False
        for place, token in enumerate(tokens):
            if isinstance(token, Scan):
                scanning = scanned = True
                continue
            if isinstance(token, Function):
                return self.call_on_all(token, values, scanned)
            merge = place == len(tokens) - 1
            found: list[Any] = []
            for value in values:
                if scanning:
                    for container in self.containers(value):
                        if _is_scanned(container, token, merge):
                            self.extend(found, container, token, merge)
                else:
                    self.extend(found, value, token, merge)
            values, scanning = found, False
        return values

    def containers(self, value: Any) -> Iterator[Any]:
        """All objects and arrays at and below a value, parents first."""
        todo = [value]
        while todo:
            item = todo.pop()
            self.visit()
            if isinstance(item, dict):
                yield item
                todo.extend(reversed(item.values()))
            elif isinstance(item, list):
                yield item
                todo.extend(reversed(item))

    def extend(self, found: list[Any], value: Any, token: Token, merge: bool) -> None:
        """Add what one token selects from one value."""
        before = len(found)
        match token:
            case Property(name):
                if isinstance(value, dict) and name in value:
                    found.append(value[name])
            case Properties(names):
                if isinstance(value, dict):
                    members = {name: value[name] for name in names if name in value}
                    found.extend([members] if merge else members.values())
            case Wildcard():
                if isinstance(value, dict):
                    found.extend(value.values())
                elif isinstance(value, list):
                    found.extend(value)
            case Index(at):
                found.extend(_elements(value, (at,)))
            case Indexes(ats):
                found.extend(_elements(value, ats))
            case Slice():
                found.extend(_sliced(value, token))
            case Select(condition):
                items = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
                self.visit(len(items))
                found.extend(item for item in items if self.holds(condition, item))
        self.visit(1 + len(found) - before)

    def call(self, function: Function, value: Any) -> Any:
        """Run a function of the path's end."""
        arguments = [
            argument.value if isinstance(argument, Literal) else self.find(argument.tokens, self.root)
            for argument in function.arguments
        ]
        try:
            return call_function(function.name, value, arguments)
        except ValueError as error:
            raise PathMisuse(str(error)) from None

    def call_on_all(self, function: Function, values: list[Any], scanned: bool) -> Any:
        """Behind a wildcard, slice or filter each value is taken by itself; behind a scan all are taken together.

        The length behind a scan is the number of members and elements of what the scan found.
        """
        if not scanned:
            return [self.call(function, value) for value in values]
        if function.name in ("length", "size"):
            return sum(len(value) for value in values if isinstance(value, (dict, list)))
        return self.call(function, values)

    def holds(self, condition: Filter, item: Any) -> bool:
        """Does the filter hold for an item? The depth is bounded by the parser."""
        match condition:
            case Compare(left, operator, right):
                return OPERATORS[operator](self.operand(left, item), self.operand(right, item))
            case Exists(operand):
                return self.operand(operand, item) is not MISSING
            case Not(part):
                return not self.holds(part, item)
            case Both(parts):
                return all(self.holds(part, item) for part in parts)
            case Either(parts):
                return any(self.holds(part, item) for part in parts)

    def operand(self, operand: Operand, item: Any) -> Any:
        """The value of an operand, or `MISSING`; an indefinite path that selects nothing is an empty list."""
        if isinstance(operand, Literal):
            return operand.value
        self.visit()
        try:
            return self.follow(operand.tokens, self.root if operand.from_root else item)
        except PathMiss:
            return MISSING
        except PathMisuse:
            if self.left < 0:
                raise
            return MISSING


def _is_scanned(container: Any, token: Token, merge: bool) -> bool:
    """Does a scan apply the token to this container? Several names are wanted all together."""
    if isinstance(token, Select):
        return isinstance(container, dict)
    if isinstance(token, Properties) and merge:
        return isinstance(container, dict) and all(name in container for name in token.names)
    return True


def step(value: Any, tokens: tuple[Token, ...], place: int) -> Any:
    """One definite step.

    Raises:
        PathMiss: nothing is there.
        PathMisuse: an index of something that is no array.
    """
    token = tokens[place]
    leaf = place == len(tokens) - 1
    if isinstance(token, Property):
        if not isinstance(value, dict):
            raise PathMiss(_not_an_object(value, tokens, place))
        if token.name not in value:
            if leaf:
                raise PathMiss(f"No results for path: {normal(tokens)}")
            raise PathMiss(f"Missing property in path {normal(tokens[: place + 1])}")
        return value[token.name]
    assert isinstance(token, Index)
    if value is None:
        raise PathMiss(f"The path {normal(tokens[:place])} is null")
    if not isinstance(value, list):
        raise PathMisuse(_not_an_array(value, tokens, place))
    if not -len(value) <= token.at < len(value):
        raise PathMiss(f"No results for path: {normal(tokens)}", beyond_end=leaf)
    return value[token.at]


def normal(tokens: tuple[Token, ...]) -> str:
    """A path as the library prints it: `$['a'][0]`."""
    return "$" + fragment(tokens)


def fragment(tokens: tuple[Token, ...]) -> str:
    """Tokens as the library prints them."""
    return "".join(map(_printed, tokens))


def _printed(token: Token) -> str:
    match token:
        case Property(name):
            return f"['{name}']"
        case Properties(names):
            return "[" + ",".join(f"'{name}'" for name in names) + "]"
        case Index(at):
            return f"[{at}]"
        case Indexes(ats):
            return "[" + ",".join(map(str, ats)) + "]"
        case Slice(start, stop):
            return f"[{'' if start is None else start}:{'' if stop is None else stop}]"
        case Wildcard():
            return "[*]"
        case Scan():
            return ".."
        case Select():
            return "[?]"
        case Function(name):
            return f".{name}()"


_JAVA_NAMES: Final = {
    str: "java.lang.String",
    bool: "java.lang.Boolean",
    int: "java.lang.Integer",
    float: "java.lang.Double",
    list: "java.util.ArrayList",
}
_PROVIDER: Final = "com.jayway.jsonpath.spi.json.JacksonJsonProvider"


def _not_an_object(value: Any, tokens: tuple[Token, ...], place: int) -> str:
    found = "null" if value is None else _JAVA_NAMES.get(type(value), "java.util.LinkedHashMap")
    return (
        f"Expected to find an object with property {_printed(tokens[place])} in path {normal(tokens[:place])} "
        f"but found '{found}'. This is not a json object according to the JsonProvider: '{_PROVIDER}'."
    )


def _not_an_array(value: Any, tokens: tuple[Token, ...], place: int) -> str:
    return f"Filter: {fragment(tokens[place:])} can only be applied to arrays. Current context is: {java_text(value)}"


def _members(value: Any, token: Properties, tokens: tuple[Token, ...], place: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PathMiss(_not_an_object(value, tokens, place))
    return {name: value[name] for name in token.names if name in value}


def _elements(value: Any, ats: tuple[int, ...]) -> list[Any]:
    if not isinstance(value, list):
        return []
    return [value[at] for at in ats if -len(value) <= at < len(value)]


def _sliced(value: Any, slice_: Slice) -> list[Any]:
    """As the library does it: with both ends given, a negative end is not counted from the array's end."""
    if not isinstance(value, list):
        return []
    start, stop = slice_.start, slice_.stop
    if start is None:
        return value[:stop]
    if stop is None:
        return value[start:] if start >= -len(value) else value
    return _elements(value, tuple(range(start, min(stop, len(value))))) if start < stop else []
