"""Text in the repository speaks of the product alone."""

from __future__ import annotations

import re
from pathlib import Path

from tests.tidy.repository import read, tracked_files

TEXT = frozenset(
    {".py", ".md", ".toml", ".txt", ".json", ".yml", ".yaml", ".sh", ".cfg", ".ini", ".mako", ".svg", ".asl", ""}
)
# Machine paths, hosts of package indexes, and notes to ourselves. Spelled so that this file does not match itself.
FORBIDDEN = re.compile(
    "|".join(
        (
            r"(?<![\w.])/(?:root|home/\w+|work/\w+|mnt/\w+)/",
            r"\bpypi\." + r"org|python" + r"hosted|--index-" + r"url|--extra-" + r"index",
            r"\bTO" + r"DO\b|\bFIX" + r"ME\b|\bXX" + r"X\b",
            r"\bgit(?:hub|lab)\.com/(?!aws\b)[\w-]+/[\w-]+/(?:issues|pull)/",
        )
    )
)
NOT_OURS = frozenset({"LICENSE"})


def text_files() -> list[Path]:
    """Files that people read; recordings and other data are left out."""
    return [
        path
        for path in tracked_files()
        if path.suffix in TEXT
        and path.name not in NOT_OURS
        and "recordings" not in path.parts
        and "data" not in path.parts
    ]


def test_no_text_names_a_machine_an_index_or_unfinished_work() -> None:
    found = [f"{path}: {match.group()}" for path in text_files() for match in FORBIDDEN.finditer(read(path))]
    assert not found


def test_the_lock_names_packages_and_nothing_else() -> None:
    lines = [line for line in read(Path("constraints.txt")).splitlines() if line and not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.+!]+", line) for line in lines)
