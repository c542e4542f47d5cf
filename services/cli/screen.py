"""What the commands print: tables and trees for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {
    "RUNNING": "cyan",
    "SUCCEEDED": "green",
    "FAILED": "red",
    "TIMED_OUT": "red",
    "ABORTED": "yellow",
    "PENDING_REDRIVE": "yellow",
    "ACTIVE": "green",
    "DELETING": "yellow",
}


def console() -> Console:
    """The terminal, or whatever stdout is."""
    from rich.console import Console

    # Into a pipe nothing is wrapped or cut.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 1000)


def print_json(value: Any) -> None:
    """Write a value as JSON, indented."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Write a table; a cell that is a status gets its colour. Cells are plain text, never markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, box=None, header_style="bold", pad_edge=False, title_justify="left")
    for heading in titles:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console().print(table)


def moment(seconds: float | None) -> str:
    """A time of the API in UTC, to the millisecond."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def duration(start: float, end: float | None) -> str:
    """How long it took, in the unit that reads best."""
    if end is None:
        return ""
    seconds = max(0.0, end - start)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"
