"""Nothing is longer than one can read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.tidy.repository import python_files, read, syntax_tree

MODULE_LINES_MAX = 450
MODULE_LINES_MAX_WITH_REASON = 600
FUNCTION_LINES_MAX = 70
DRAWERS = frozenset({"utils", "util", "common", "helpers", "helper", "manager", "misc", "stuff"})


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_a_module_reads_in_one_sitting(path: Path) -> None:
    lines = read(path).count("\n")
    reason = "long because" in " ".join((ast.get_docstring(syntax_tree(path)) or "").lower().split())
    assert lines <= (MODULE_LINES_MAX_WITH_REASON if reason else MODULE_LINES_MAX), (
        f"{lines} lines; split it, or say in its docstring 'Long because ...' ({MODULE_LINES_MAX_WITH_REASON} at most)"
    )


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    long = [
        f"{node.name} has {length} lines"
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not long


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(syntax_tree(path)), "a module without a docstring"


def test_there_is_no_drawer() -> None:
    named = [str(path) for path in python_files() if DRAWERS & set(path.with_suffix("").parts)]
    assert not named
