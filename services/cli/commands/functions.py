"""`functions`: which function names lead where."""

from __future__ import annotations

from services.cli.options import FunctionFiles, Json


def functions(files: FunctionFiles = None, json: Json = False) -> None:
    """Check map files of function targets and list what each name leads to."""
    raise NotImplementedError
