"""Where the recordings and the collected definitions lie, if anywhere: beside the repository, or as a variable says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("STEPWELL_SHARED") or Path(__file__).resolve().parents[3].parent / "shared")
CASES = SHARED / "conformance" / "cases"
WORKFLOWS = SHARED / "workflows"


def recorded_cases() -> Iterator[dict[str, Any]]:
    """Every recorded case, file by file."""
    for path in sorted(CASES.rglob("*.json")):
        yield from json.loads(path.read_text())["cases"]


def collected_definitions() -> list[Path]:
    """The definitions that people have published."""
    return sorted(WORKFLOWS.glob("*.asl.json"))
