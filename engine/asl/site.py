"""Where the validator is: the report it writes to, the location it stands at and the rules that hold there."""

from __future__ import annotations

from engine.asl.diagnostics import SCHEMA, Report
from engine.asl.model import QueryLanguage


class Site:
    """One place in a definition. Cheap: there is one for every field that is checked.

    Attributes:
        location: as AWS writes it; "" is the whole definition.
        language: of the expressions here.
        express: the state belongs to an Express machine (or to Express child executions).
        has_result: `$states.result` exists here.
        has_error_output: `$states.errorOutput` exists here.
    """

    __slots__ = ("express", "has_error_output", "has_result", "language", "location", "report")

    def __init__(
        self,
        report: Report,
        location: str,
        language: QueryLanguage,
        express: bool,
        has_result: bool = False,
        has_error_output: bool = False,
    ) -> None:
        """Keep the values."""
        self.report = report
        self.location = location
        self.language = language
        self.express = express
        self.has_result = has_result
        self.has_error_output = has_error_output

    def at(self, step: str) -> Site:
        """One level down, into a field or a named state."""
        return self._moved(f"{self.location}/{step}")

    def item(self, index: int) -> Site:
        """One entry of the array at this place."""
        return self._moved(f"{self.location}[{index}]")

    def seeing(self, result: bool = False, error_output: bool = False) -> Site:
        """The same place with other members of `$states` in reach."""
        return Site(self.report, self.location, self.language, self.express, result, error_output)

    def error(self, message: str, code: str = SCHEMA) -> None:
        """Note an error at this place."""
        self.report.error(message, self.location or "/", code)

    def warn(self, code: str, message: str) -> None:
        """Note a warning at this place."""
        self.report.warn(code, message, self.location or "/")

    def _moved(self, location: str) -> Site:
        return Site(self.report, location, self.language, self.express, self.has_result, self.has_error_output)
