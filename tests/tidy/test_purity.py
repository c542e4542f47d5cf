"""The engine decides, the services act: the engine touches nothing of the world."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.tidy.repository import python_files, syntax_tree

# What the engine may use besides itself. Everything here computes; nothing reads a clock, a file, a socket or luck.
ALLOWED = frozenset(
    """
    __future__ abc array base64 binascii bisect calendar collections collections.abc contextlib dataclasses
    datetime decimal enum fractions functools hashlib heapq hmac itertools json json.decoder json.scanner math
    operator re string struct types typing unicodedata urllib.parse uuid zlib
    jsonatapy jsonpath_ng jsonpath_ng.exceptions jsonpath_ng.ext jsonpath_ng.jsonpath msgspec orjson re2
    zstandard
    """.split()  # noqa: SIM905
)


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Modules that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_engine_imports_only_what_computes() -> None:
    strange = [
        f"{path}: {name}"
        for path in python_files("engine")
        for name in imported_names(syntax_tree(path))
        if name.split(".")[0] != "engine" and name not in ALLOWED
    ]
    assert not strange


def test_the_engine_asks_no_clock_and_no_luck() -> None:
    banned = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid4", "uuid.uuid1"}
    called = [
        f"{path}:{node.lineno}"
        for path in python_files("engine")
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if f"{node.value.id}.{node.attr}" in banned
    ]
    assert not called


def test_exceptions_are_caught_by_name() -> None:
    """What catches everything raises it again."""
    caught = [
        f"{path}:{node.lineno}"
        for path in python_files("engine", "services")
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _named(node.type) == "BaseException")
        if not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    assert not caught


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
