"""Parsed paths and the closures that read them; the front with the service's error texts is `jsonpath.py`.

Paths of plain names and indexes, which are nearly all, become closures of a tenth of a microsecond;
wildcards, slices, filters and deep scans walk the document with a budget of nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from engine.expressions.jsonpath_parse import INVALID_PATH, parse_tokens
from engine.expressions.jsonpath_tree import Index, Property, Token
from engine.expressions.jsonpath_walk import Walk, step
from engine.expressions.scope import ExpressionSyntaxError, Scope

Read = Callable[[Scope], Any]
"""Gives the value, or raises `PathMiss` or `PathMisuse`."""

VARIABLE: Final = re.compile(r"\$([^\W\d]\w*)")


class Path(NamedTuple):
    """A parsed path: where it starts (`$`, `$$` or a variable's name) and its steps."""

    text: str
    root: str
    tokens: tuple[Token, ...]


def parse_path(text: str) -> Path:
    """Split a path into its root and tokens; a variable is the first step into the object of all variables.

    Blanks around a path are nothing (published definitions have them).

    Raises:
        ExpressionSyntaxError: `Value must be a valid JSONPath.`
    """
    text = text.strip(" ")
    if text.startswith("$$"):
        return Path(text, "$$", parse_tokens(text, 2))
    variable = VARIABLE.match(text)
    if variable is not None:
        return Path(text, "$name", (Property(variable[1]), *parse_tokens(text, variable.end())))
    if text.startswith("$"):
        return Path(text, "$", parse_tokens(text, 1))
    raise ExpressionSyntaxError(INVALID_PATH)


def reader(path: Path) -> Read:
    """A closure that reads the path's value; the fewer steps, the faster."""
    names = tuple(token.name for token in path.tokens if isinstance(token, Property))
    if len(names) == len(path.tokens):
        return _names_reader(path, names)
    if all(isinstance(token, (Property, Index)) for token in path.tokens):
        return _steps_reader(path)
    tokens, root_of = path.tokens, _ROOTS[path.root]

    def read(scope: Scope) -> Any:
        root = root_of(scope)
        return Walk(root).find(tokens, root)

    return read


def read_input(scope: Scope) -> Any:
    """What `$` alone means."""
    return scope.input


def _context(scope: Scope) -> Any:
    return scope.context()


def _variables(scope: Scope) -> Any:
    return scope.variables


_ROOTS: Final[dict[str, Read]] = {"$": read_input, "$$": _context, "$name": _variables}


def _names_reader(path: Path, names: tuple[str, ...]) -> Read:
    """Only names: subscripts fail on everything that is no object, and the slow way then says why."""
    tokens, root_of = path.tokens, _ROOTS[path.root]
    if path.root == "$" and len(names) == 1:
        (only,) = names

        def read_member(scope: Scope) -> Any:
            try:
                return scope.input[only]
            except (KeyError, TypeError):
                return _explain(scope.input, tokens)

        return read_member
    if path.root == "$" and len(names) == 2:
        first, second = names

        def read_nested(scope: Scope) -> Any:
            try:
                return scope.input[first][second]
            except (KeyError, TypeError):
                return _explain(scope.input, tokens)

        return read_nested

    def read(scope: Scope) -> Any:
        value = root_of(scope)
        try:
            for name in names:
                value = value[name]
            return value
        except (KeyError, TypeError):
            return _explain(root_of(scope), tokens)

    return read


def _steps_reader(path: Path) -> Read:
    tokens, root_of = path.tokens, _ROOTS[path.root]
    steps = tuple(token.name if isinstance(token, Property) else token.at for token in tokens)  # type: ignore[union-attr]

    def read(scope: Scope) -> Any:
        value = root_of(scope)
        try:
            for name_or_at in steps:
                # An index works on texts too, in Python but not here.
                if value.__class__ is str:
                    break
                value = value[name_or_at]
            else:
                return value
        except (KeyError, TypeError, IndexError):
            pass
        return _explain(root_of(scope), tokens)

    return read


def _explain(root: Any, tokens: tuple[Token, ...]) -> Any:
    """Walk slowly to raise the text that says where a path leads nowhere."""
    value = root
    for place in range(len(tokens)):
        value = step(value, tokens, place)
    return value
