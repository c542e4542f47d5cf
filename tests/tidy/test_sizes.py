"""Nothing is longer than one can read."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.tidy.repository import python_files, read, syntax_tree

MODULE_LINES_MAX = 450
MODULE_LINES_MAX_WITH_REASON = 600
FUNCTION_LINES_MAX = 70
DRAWERS = frozenset({"utils", "util", "common", "helpers", "helper", "manager", "misc", "stuff"})


def test_a_module_reads_in_one_sitting() -> None:
    """Or says in its docstring "Long because ...", and is then not endless either."""
    long = [f"{path}: {lines} lines" for path in python_files() if (lines := read(path).count("\n")) > _lines_max(path)]
    assert not long


def _lines_max(path: Path) -> int:
    docstring = " ".join((ast.get_docstring(syntax_tree(path)) or "").lower().split())
    return MODULE_LINES_MAX_WITH_REASON if "long because" in docstring else MODULE_LINES_MAX


def test_a_function_fits_on_a_screen() -> None:
    long = [
        f"{path}: {node.name} has {length} lines"
        for path in python_files()
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not long


def test_a_module_says_what_it_is_for() -> None:
    assert not [str(path) for path in python_files() if not ast.get_docstring(syntax_tree(path))]


def test_there_is_no_drawer() -> None:
    named = [str(path) for path in python_files() if DRAWERS & set(path.with_suffix("").parts)]
    assert not named
