"""`functions`: which function names lead where."""

from __future__ import annotations

from services.cli.options import FunctionEntries, FunctionFiles, Json


def functions(files: FunctionFiles = None, entries: FunctionEntries = None, json: Json = False) -> None:
    """Check map files of function targets and list what each name leads to."""
    import os

    from services.cli.function_map import describe, gather_targets
    from services.cli.screen import print_json, print_table

    targets = gather_targets(files, entries, os.environ)
    rows = [(name, *describe(target)) for name, target in sorted(targets.by_name.items())]
    if json:
        print_json([{"function": name, "kind": kind, "target": where} for name, kind, where in rows])
    else:
        print_table(("FUNCTION", "KIND", "TARGET"), rows)
