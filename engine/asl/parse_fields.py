"""Compiles single fields of a state: templates, paths, numbers, texts, Assign, Retry and Catch, in either language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.asl.model import (
    DISCARD,
    Assign,
    Catcher,
    Discard,
    NumberField,
    NumberLimit,
    PathField,
    QueryLanguage,
    Retrier,
    TextField,
)
from engine.asl.templates import is_jsonata
from engine.expressions.jsonata import compile_jsonata, expect
from engine.expressions.jsonpath import compile_field_path, compile_path
from engine.expressions.reference_path import ReferencePath, compile_reference_path
from engine.expressions.scope import Expression, Scope
from engine.expressions.template import compile_jsonata_template, compile_template


class FieldParser:
    """Reads the fields of one state, or of an object inside it.

    Attributes:
        source: the object as written; it has no errors.
        place: where it stands below its state, for AWS's messages: "" or `Catch[0]/`.
    """

    __slots__ = ("language", "place", "source")

    def __init__(self, source: Mapping[str, Any], language: QueryLanguage, place: str = "") -> None:
        """Keep the three."""
        self.source = source
        self.language: QueryLanguage = language
        self.place = place

    def inside(self, source: Mapping[str, Any], place: str) -> FieldParser:
        """A reader of an object inside this one."""
        return FieldParser(source, self.language, f"{self.place}{place}/")

    def base(self, name: str) -> dict[str, Any]:
        """The fields of `BaseState`."""
        return {
            "name": name,
            "query_language": self.language,
            "next": self.source.get("Next"),
            "input_path": self.path("InputPath"),
            "output_path": self.path("OutputPath"),
            "output": self.template("Output"),
            "assign": self.assign(),
        }

    def work(self, name: str) -> dict[str, Any]:
        """The fields of `WorkState`."""
        catchers = enumerate(self.source.get("Catch", ()))
        return {
            **self.base(name),
            "parameters": self.template("Parameters"),
            "arguments": self.template("Arguments"),
            "result_selector": self.template("ResultSelector"),
            "result_path": self.result_path(),
            "retry": tuple(map(_retrier, self.source.get("Retry", ()))),
            "catch": tuple(_catcher(self.inside(entry, f"Catch[{index}]")) for index, entry in catchers),
        }

    def template(self, field: str) -> Expression | None:
        """A template; None when the field is absent."""
        if field not in self.source:
            return None
        if self.language == "JSONata":
            return compile_jsonata_template(self.source[field], f"{self.place}{field}")
        return compile_template(self.source[field], field)

    def call_parameters(self) -> Expression | None:
        """What an ItemReader or ResultWriter calls its service with."""
        return self.template("Arguments" if self.language == "JSONata" else "Parameters")

    def assign(self) -> Assign | None:
        """The Assign block."""
        block = self.source.get("Assign")
        if block is None:
            return None
        if self.language == "JSONata":
            place = f"{self.place}Assign/"
            return Assign({key: compile_jsonata_template(value, place + key) for key, value in block.items()})
        return Assign(dict(_assigned(key, value) for key, value in block.items()))

    def path(self, field: str) -> PathField:
        """InputPath or OutputPath."""
        if field not in self.source:
            return None
        text = self.source[field]
        return DISCARD if text is None else compile_path(text)

    def path_with_text(self, field: str) -> tuple[str, Expression] | None:
        """A path whose text appears in AWS's messages."""
        text = self.source.get(field)
        return None if text is None else (text, compile_path(text))

    def field_path(self, field: str) -> Expression | None:
        """A path or intrinsic function whose misses name the field."""
        text = self.source.get(field)
        return None if text is None else compile_field_path(text, field)

    def result_path(self) -> ReferencePath | Discard | None:
        """ResultPath."""
        if "ResultPath" not in self.source:
            return None
        text = self.source["ResultPath"]
        return DISCARD if text is None else compile_reference_path(text)

    def text(self, field: str) -> TextField:
        """A literal text, or in JSONata an expression."""
        text: str | None = self.source.get(field)
        if text is not None and self.language == "JSONata" and is_jsonata(text):
            return self.typed(field, "string")
        return text

    def number(self, field: str) -> NumberField:
        """A literal number, or in JSONata an expression."""
        value: int | float | str | None = self.source.get(field)
        return self.typed(field, "number") if isinstance(value, str) else value

    def typed(self, field: str, kind: str, *, or_object: bool = False) -> Expression:
        """A `{% %}` string whose result must be of one JSON type (or an object)."""
        text, location = self.source[field], f"{self.place}{field}"
        evaluate, shown = compile_jsonata(text, location), text[2:-2].strip()

        def expression(scope: Scope) -> Any:
            value = evaluate(scope)
            return value if or_object and isinstance(value, dict) else expect(value, kind, shown, location)

        return expression

    def limit(self, field: str) -> NumberLimit:
        """A number that may come from its `...Path` twin."""
        path_field = f"{field}Path"
        if path_field in self.source:
            path = self.source[path_field]
            return NumberLimit(compile_path(path), path_field, path)
        return NumberLimit(self.number(field))


def _retrier(entry: Mapping[str, Any]) -> Retrier:
    return Retrier(
        error_equals=tuple(entry["ErrorEquals"]),
        interval_seconds=entry.get("IntervalSeconds", 1),
        max_attempts=entry.get("MaxAttempts", 3),
        backoff_rate=entry.get("BackoffRate", 2.0),
        max_delay_seconds=entry.get("MaxDelaySeconds"),
        full_jitter=entry.get("JitterStrategy") == "FULL",
    )


def _catcher(entry: FieldParser) -> Catcher:
    return Catcher(
        error_equals=tuple(entry.source["ErrorEquals"]),
        next=entry.source["Next"],
        result_path=entry.result_path(),
        output=entry.template("Output"),
        assign=entry.assign(),
    )


def _assigned(key: str, value: Any) -> tuple[str, Expression]:
    """One variable of a JSONPath Assign."""
    if key.endswith(".$"):
        return key[:-2], compile_field_path(value, key)
    return key, compile_template(value, "Assign")
