"""Diagnostics of a definition as a compiler prints them: file, line, column, the line itself, and a caret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.definition_file import Written, read_definition_file
from services.cli.hints import hint_for, sharper, state_names
from services.cli.source_map import SourceMap, Span

if TYPE_CHECKING:
    from engine.asl.model import MachineType
    from engine.asl.resource import KnownApi


_HINTS_MAX = 50
"""Findings that are told what was probably meant: each looks through all names."""


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
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one file; `text` is the definition as JSON, `source` what stands in the file."""

    file: str
    source: str
    text: str
    findings: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        """Whether no finding is an error."""
        return not any(it.severity == "ERROR" for it in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "file": self.file,
            "result": "OK" if self.valid else "FAIL",
            "diagnostics": [
                {
                    "severity": it.severity,
                    "code": it.code,
                    "message": it.message,
                    "location": it.location,
                    "line": it.line,
                    "column": it.column,
                    **({"hint": it.hint} if it.hint else {}),
                }
                for it in self.findings
            ],
        }


def examine(file: Path, machine_type: MachineType) -> Report:
    """Validate the definition in a file; `-` is standard input."""
    return examine_written(read_definition_file(file), machine_type)


def examine_written(written: Written, machine_type: MachineType) -> Report:
    """Validate a definition that has been read."""
    from engine.asl.validate import validate

    places = written.places
    if written.problem is not None:
        message, at = written.problem
        line, column = places.line_and_column(at)
        broken = Finding("ERROR", "INVALID_JSON_DESCRIPTION", message, None, line, column, 1)
        return Report(written.name, written.source, "", (broken,))
    broken_at = _syntax_error(written.text)
    findings: list[Finding] = []
    names = state_names(places)
    for it in validate(written.text, machine_type, known_api=_apis_of(written.text), lints=True):
        span = places.find(sharper(it, places))
        if broken_at is not None:
            span = Span(broken_at, broken_at + 1)
        line, column = places.line_and_column(span.start)
        width = len(places.line(line)) - column + 1
        length = max(1, min(span.end - span.start, width))
        hint = hint_for(it, names) if len(findings) < _HINTS_MAX else ""
        findings.append(Finding(it.severity, it.code, it.message, it.location, line, column, length, hint))
    findings += _written_twice(places)
    return Report(written.name, written.source, written.text, tuple(findings))


def _written_twice(places: SourceMap) -> Iterator[Finding]:
    """Warn of members that replace others in silence, such as two states of one name."""
    for place, span in places.written_twice():
        line, column = places.line_and_column(span.start)
        name = place.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        length = max(1, min(span.end - span.start, len(places.line(line)) - column + 1))
        message = f"'{name}' is written twice here; the first one is lost."
        yield Finding("WARNING", "STEPWELL_WRITTEN_TWICE", message, place.location, line, column, length)


def _apis_of(text: str) -> KnownApi | None:
    """What APIs take, where a definition calls one: reading their models takes time."""
    if ":states:" not in text:
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


def show(report: Report, warnings: bool = True) -> None:
    """Print a report for people."""
    from rich.text import Text

    from services.cli.screen import console

    screen = console()
    lines = report.source.split("\n")
    for it in report.findings:
        if it.severity == "WARNING" and not warnings:
            continue
        colour = "red" if it.severity == "ERROR" else "yellow"
        place = f"{report.file}:{it.line}:{it.column}: "
        # The place that the service's parser prints is on the screen already.
        message = it.message.partition("\n at [Source")[0]
        screen.print(
            Text.assemble((place, "bold"), (f"{it.severity.lower()}: ", colour), f"{message} ", (it.code, "dim"))
        )
        source = lines[it.line - 1].rstrip("\r") if it.line <= len(lines) else ""
        shown, column = window(source, it.column)
        screen.print(Text(f"  {shown}"))
        blank = "".join("\t" if character == "\t" else " " for character in shown[: column - 1])
        screen.print(Text(f"  {blank}{'^'.ljust(min(it.length, len(shown) - column + 1), '~')}", style=colour))
        if it.hint:
            screen.print(Text(f"  {it.hint}", style="dim"))
    screen.print(Text(f"{report.file}: {_summary(report)}"))


def _summary(report: Report) -> str:
    errors = sum(it.severity == "ERROR" for it in report.findings)
    warnings = len(report.findings) - errors
    counts = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in
              ((errors, "error"), (warnings, "warning")) if count]  # fmt: skip
    return ", ".join(counts if errors else ["valid", *counts])


_WINDOW_CHARACTERS_MAX = 110


def window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around the column, and the column in it."""
    if len(line) <= _WINDOW_CHARACTERS_MAX:
        return line, column
    first = max(0, column - 1 - _WINDOW_CHARACTERS_MAX // 3)
    return line[first : first + _WINDOW_CHARACTERS_MAX], column - first
