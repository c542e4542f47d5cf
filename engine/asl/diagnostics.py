"""Collecting what is wrong with a definition, and saying it in AWS's words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from engine.asl.model import Diagnostic

SCHEMA: Final = "SCHEMA_VALIDATION_FAILED"
_PRINTED_MAX: Final = 100
"""Findings in one message: a definition of 1 MiB can have tens of thousands."""
OWN_PREFIX: Final = "STEPWELL_"
"""Codes of our own lints begin so; what speaks AWS's API leaves them out."""


class InvalidDefinition(ValueError):
    """The definition has errors.

    Attributes:
        diagnostics: all findings, warnings included; at least one is an ERROR.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Keep the findings; the message is AWS's."""
        super().__init__(invalid_definition_message(diagnostics))
        self.diagnostics = tuple(diagnostics)


class Report:
    """The findings so far, in the order in which they were made."""

    __slots__ = ("findings",)

    def __init__(self) -> None:
        """Begin with nothing found."""
        self.findings: list[Diagnostic] = []

    def error(self, message: str, location: str | None, code: str = SCHEMA) -> None:
        """Note what refuses the definition."""
        self.findings.append(Diagnostic("ERROR", code, message, location))

    def warn(self, code: str, message: str, location: str | None) -> None:
        """Note what does not refuse it."""
        self.findings.append(Diagnostic("WARNING", code, message, location))

    def ordered(self) -> list[Diagnostic]:
        """All findings, errors before warnings."""
        return sorted(self.findings, key=lambda finding: finding.severity != "ERROR")


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """True if the definition is refused."""
    return any(finding.severity == "ERROR" for finding in diagnostics)


def invalid_definition_message(diagnostics: Iterable[Diagnostic]) -> str:
    """The message of AWS's InvalidDefinition error; a finding without a location prints the word null.

    Source: recordings of CreateStateMachine; several findings as measured in 2026.
    """
    texts = (
        f"{finding.code}: {finding.message} at {'null' if finding.location is None else finding.location}"
        for finding in islice((each for each in diagnostics if each.severity == "ERROR"), _PRINTED_MAX)
    )
    return f"Invalid State Machine Definition: '{', '.join(texts)}'"
