"""Finds every expression of a state with its place, by the table: for variables, for lints, for coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.asl.model import QueryLanguage
from engine.asl.rules import BY_OWNER, Kind
from engine.asl.templates import is_jsonata

_PATHS: Final = frozenset({Kind.PATH, Kind.REFERENCE_PATH, Kind.ITEMS_PATH, Kind.NUMBER_PATH, Kind.TEXT_PATH})
_TEMPLATES: Final = frozenset({Kind.TEMPLATE, Kind.VARIABLES, Kind.CREDENTIALS})
_MACHINES: Final = frozenset({Kind.STATES, Kind.MACHINE, Kind.MACHINES})


def expression_texts(owner: str, value: Any, language: QueryLanguage, location: str = "") -> Iterator[tuple[str, str]]:
    """The paths, intrinsic functions and JSONata expressions of one object with their locations, in writing order.

    Machines inside the object are left out; a payload template is one place, as in AWS's locations.
    """
    if not isinstance(value, dict):
        return
    rows = BY_OWNER[owner]
    for name, content in value.items():
        row = rows.get(name)
        if row is None or row.language not in (None, language) or row.kind in _MACHINES:
            continue
        place = f"{location}/{name}"
        if row.kind is Kind.OBJECT or row.kind is Kind.RULE:
            yield from expression_texts(row.of, content, language, place)
        elif row.kind is Kind.OBJECTS or row.kind is Kind.RULES:
            for index, entry in enumerate(content if isinstance(content, list) else ()):
                yield from expression_texts(row.of, entry, language, f"{place}[{index}]")
        elif language == "JSONata":
            if row.kind is not Kind.ANY:
                yield from _jsonata_texts(content, place)
        elif row.kind in _PATHS and isinstance(content, str):
            yield content, place
        elif row.kind in _TEMPLATES:
            yield from _dollar_texts(content, place)


def _dollar_texts(template: Any, location: str) -> Iterator[tuple[str, str]]:
    waiting = [template]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield from (
                (value, location) for key, value in part.items() if key.endswith(".$") and isinstance(value, str)
            )
        if isinstance(part, (dict, list)):
            inner = list(part.values() if isinstance(part, dict) else part)
            waiting.extend(reversed(inner))


def _jsonata_texts(value: Any, location: str) -> Iterator[tuple[str, str]]:
    waiting = [(value, location)]
    while waiting:
        part, place = waiting.pop()
        if isinstance(part, str):
            if is_jsonata(part):
                yield part, place
        elif isinstance(part, dict):
            waiting.extend((part[key], f"{place}/{key}") for key in reversed(part))
        elif isinstance(part, list):
            waiting.extend((part[index], f"{place}[{index}]") for index in reversed(range(len(part))))
