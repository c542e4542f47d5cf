"""Diagnostics of a definition as a compiler prints them: file, line, column, the line itself, and a caret."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.source_map import SourceMap, Span

if TYPE_CHECKING:
    from engine.asl.model import MachineType
    from engine.asl.resource import KnownApi


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic with its place in the file; line and column count from 1."""

    severity: str
    code: str
    message: str
    location: str | None
    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one file."""

    file: Path
    text: str
    findings: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        """Whether no finding is an error."""
        return not any(it.severity == "ERROR" for it in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "file": str(self.file),
            "result": "OK" if self.valid else "FAIL",
            "diagnostics": [
                {
                    "severity": it.severity,
                    "code": it.code,
                    "message": it.message,
                    "location": it.location,
                    "line": it.line,
                    "column": it.column,
                }
                for it in self.findings
            ],
        }


def examine(file: Path, machine_type: MachineType) -> Report:
    """Validate the definition in a file."""
    from engine.asl.validate import validate

    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        broken = Finding("ERROR", "INVALID_JSON_DESCRIPTION", f"not UTF-8 text: {error.reason}", None, 1, 1, 1)
        return Report(file, "", (broken,))
    places = SourceMap(text)
    broken_at = _syntax_error(text)
    findings = []
    for it in validate(text, machine_type, known_api=_sdk_of(text), lints=True):
        span = places.find(it.location)
        if broken_at is not None:
            span = Span(broken_at, broken_at + 1)
        line, column = places.line_and_column(span.start)
        width = len(places.line(line)) - column + 1
        length = max(1, min(span.end - span.start, width))
        findings.append(Finding(it.severity, it.code, it.message, it.location, line, column, length))
    return Report(file, text, tuple(findings))


def _sdk_of(text: str) -> KnownApi | None:
    """What the AWS SDK can do, where a definition speaks of it: reading its models takes time."""
    if ":aws-sdk:" not in text:
        return None
    from services.integrations.known_api import known_api

    return known_api


def _syntax_error(text: str) -> int | None:
    """Where the text stops being JSON; None if it is JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos
    except (ValueError, RecursionError):
        return None
    return None


def show(report: Report) -> None:
    """Print a report for people."""
    from rich.text import Text

    from services.cli.screen import console

    screen = console()
    lines = report.text.split("\n")
    for it in report.findings:
        colour = "red" if it.severity == "ERROR" else "yellow"
        place = f"{report.file}:{it.line}:{it.column}: "
        screen.print(
            Text.assemble((place, "bold"), (f"{it.severity.lower()}: ", colour), f"{it.message} ", (it.code, "dim"))
        )
        source = lines[it.line - 1].rstrip("\r") if it.line <= len(lines) else ""
        shown, column = _window(source, it.column)
        screen.print(Text(f"  {shown}"))
        blank = "".join("\t" if character == "\t" else " " for character in shown[: column - 1])
        screen.print(Text(f"  {blank}{'^'.ljust(min(it.length, len(shown) - column + 1), '~')}", style=colour))
    if report.valid:
        kinds = len(report.findings)
        screen.print(f"{report.file}: valid" + (f", {kinds} warning{'s' if kinds > 1 else ''}" if kinds else ""))


_WINDOW_CHARACTERS_MAX = 110


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around the column, and the column in it."""
    if len(line) <= _WINDOW_CHARACTERS_MAX:
        return line, column
    first = max(0, column - 1 - _WINDOW_CHARACTERS_MAX // 3)
    return line[first : first + _WINDOW_CHARACTERS_MAX], column - first
