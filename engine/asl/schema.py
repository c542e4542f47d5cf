"""The language as JSON Schema (draft 2020-12), made from the table: completion and red lines in any editor."""

from __future__ import annotations

from typing import Any, Final

from engine.asl.rules import BY_OWNER, EXCLUSIVES_BY_OWNER, OWNERS, REQUIRED, STATE_TYPES, Field, Kind
from engine.limits import LABEL_CHARACTERS_MAX, NAME_CHARACTERS_MAX

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_JSONATA: Final = {"type": "string", "pattern": r"^\{%[\s\S]*%\}$"}
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS_MAX}
_PATH: Final = {"type": "string", "pattern": r"^\$"}
_TIMESTAMP: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}

_VALUES: Final[dict[Kind, dict[str, Any]]] = {
    Kind.TEXT: {"type": "string"},
    Kind.ANY: {},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.OPTION: {"type": "string"},
    Kind.PATH: {**_PATH, "type": ["string", "null"]},
    Kind.REFERENCE_PATH: {**_PATH, "type": ["string", "null"]},
    Kind.ITEMS_PATH: _PATH,
    Kind.NUMBER_PATH: _PATH,
    Kind.TEXT_PATH: {"type": "string", "pattern": r"^(\$|States\.)"},
    Kind.TEMPLATE: {},
    Kind.CREDENTIALS: {"anyOf": [{"type": "object"}, _JSONATA]},
    Kind.ARRAY_OR_EXPRESSION: {"anyOf": [{"type": ["array", "object"]}, _JSONATA]},
    Kind.TRUTH_OR_EXPRESSION: {"anyOf": [{"type": "boolean"}, _JSONATA]},
    Kind.TEXT_OR_EXPRESSION: {"type": "string"},
    Kind.TIMESTAMP: _TIMESTAMP,
    Kind.STATE_NAME: _NAME,
    Kind.ERROR_NAMES: {**_TEXTS, "minItems": 1},
    Kind.TEXTS: _TEXTS,
    Kind.RESOURCE: {"type": "string", "pattern": "^arn:"},
    Kind.LABEL: {"type": "string", "minLength": 1, "maxLength": LABEL_CHARACTERS_MAX},
    Kind.VARIABLES: {"type": "object"},
    Kind.STATES: {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"maxLength": NAME_CHARACTERS_MAX},
        "additionalProperties": {"$ref": "#/$defs/State"},
    },
}


def schema() -> dict[str, Any]:
    """The JSON Schema of a definition; every object of the language is one of its `$defs`."""
    definitions = {owner: _object(owner) for owner in OWNERS}
    definitions["State"] = {
        "type": "object",
        "required": ["Type"],
        "properties": {"Type": {"enum": list(STATE_TYPES)}},
        "allOf": [
            {"if": {"properties": {"Type": {"const": kind}}}, "then": {"$ref": f"#/$defs/{kind}"}}
            for kind in STATE_TYPES
        ],
    }
    return {
        "$schema": _DIALECT,
        "title": "Amazon States Language",
        "$ref": "#/$defs/StateMachine",
        "$defs": definitions,
    }


def _object(owner: str) -> dict[str, Any]:
    rows = BY_OWNER[owner]
    result: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field(owner, row) for name, row in rows.items()},
        "additionalProperties": False,
    }
    both = [name for name in REQUIRED[owner] if rows[name].language is None]
    if both:
        result["required"] = both
    conditions = [_exclusive(rule.fields, rule.one_needed) for rule in EXCLUSIVES_BY_OWNER[owner]]
    if conditions:
        result["allOf"] = conditions
    return result


def _field(owner: str, row: Field) -> dict[str, Any]:
    about = row.about if row.language is None else f"{row.about} ({row.language} only)"
    value = {"const": owner} if row.name == "Type" and owner in STATE_TYPES else _value(row)
    return {"description": about, **value}


def _value(row: Field) -> dict[str, Any]:
    inside = {"$ref": f"#/$defs/{row.of}"}
    match row.kind:
        case Kind.OBJECT | Kind.RULE | Kind.MACHINE:
            return inside
        case Kind.OBJECTS:
            return {"type": "array", "items": inside}
        case Kind.RULES | Kind.MACHINES:
            return {"type": "array", "minItems": 1, "items": inside}
        case Kind.OPTION:
            return {"enum": list(row.options)}
    value = dict(_VALUES[row.kind])
    if row.minimum is not None:
        value["minimum"] = row.minimum
    if row.maximum is not None:
        value["maximum"] = row.maximum
    return {"anyOf": [value, _JSONATA]} if row.expression and row.kind is not Kind.TEXT_OR_EXPRESSION else value


def _exclusive(fields: tuple[str, ...], one_needed: bool) -> dict[str, Any]:
    choices: list[dict[str, Any]] = [_given(name) for name in fields]
    if not one_needed:
        choices.append({"not": {"anyOf": [_given(name) for name in fields]}})
    return {"oneOf": choices}


def _given(name: str) -> dict[str, Any]:
    """`End: false` says nothing."""
    given: dict[str, Any] = {"required": [name]}
    return {**given, "properties": {"End": {"const": True}}} if name == "End" else given
