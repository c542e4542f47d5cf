"""The engine decides, the services act: the engine touches nothing of the world."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.repository import python_files, syntax_tree

# What the engine may use besides itself. Everything here computes; nothing reads a clock, a file, a socket or luck.
ALLOWED = frozenset(
    """
    __future__ abc base64 binascii bisect calendar collections collections.abc contextlib dataclasses datetime decimal
    enum fractions functools hashlib heapq itertools json json.decoder json.scanner math operator re string struct types
    typing unicodedata urllib.parse uuid zlib
    jsonatapy jsonpath_ng jsonpath_ng.exceptions jsonpath_ng.ext jsonpath_ng.jsonpath msgspec orjson re2 zstandard
    """.split()  # noqa: SIM905
)


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Modules that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", python_files("engine"), ids=str)
def test_the_engine_imports_only_what_computes(path: Path) -> None:
    strange = [
        name for name in imported_names(syntax_tree(path)) if name.split(".")[0] != "engine" and name not in ALLOWED
    ]
    assert not strange


@pytest.mark.parametrize("path", python_files("engine"), ids=str)
def test_the_engine_asks_no_clock_and_no_luck(path: Path) -> None:
    called = [
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    ]
    banned = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid4", "uuid.uuid1"}
    assert not banned & set(called)


@pytest.mark.parametrize("path", python_files("engine", "services"), ids=str)
def test_exceptions_are_caught_by_name(path: Path) -> None:
    """`except Exception` is allowed at the top of a process loop, where a comment on the line says so."""
    caught = [
        node.lineno
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _named(node.type) == "BaseException")
        if not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    assert not caught, f"bare except without raise in lines {caught}"


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
