"""The language as JSON Schema (draft 2020-12), made from the table: completion and red lines in any editor.

A field belongs to a query language, and a state's language is its own or that of the whole machine; so most objects
are described twice, the second time with `-JSONata` behind their name. States in JSONata of a machine in JSONPath have
a third form (`-JSONata-here`), because the states inside them are in JSONPath again.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from engine.asl.model import QueryLanguage
from engine.asl.rules import BY_OWNER, EXCLUSIVES_BY_OWNER, MACHINES, OWNERS, REQUIRED, STATE_TYPES, Field, Kind
from engine.limits import LABEL_CHARACTERS_MAX, NAME_CHARACTERS_MAX

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_JSONATA: Final = {"type": "string", "pattern": r"^\{%[\s\S]*%\}$"}
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS_MAX}
_PATH: Final = {"type": "string", "pattern": r"^\$"}
_STEPS: Final = r"""(\.[^\s.\[\]'"*?@:,()]+|\['(?:[^'\\]|\\.)*'\]|\["(?:[^"\\]|\\.)*"\]|\[\d+\])*$"""
_REFERENCE_PATH: Final = {"type": "string", "pattern": r"^\$" + _STEPS}
_ANY_REFERENCE_PATH: Final = {"type": "string", "pattern": r"^\$(\$|[^\W\d]\w*)?" + _STEPS}
_PATH_OR_CALL: Final = {"type": "string", "pattern": r"^(\$|States\.)"}
_TIMESTAMP: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
_TEXTS: Final = {"type": "array", "items": {"type": "string"}}
_PAYLOAD: Final = {"$ref": "#/$defs/PayloadTemplate"}
_JSONATA_VALUE: Final = {"$ref": "#/$defs/JSONataTemplate"}
_VARIABLES: Final = {"type": "object", "propertyNames": {"not": {"pattern": r"^states(\.\$)?$|^\d|[\s-]"}}}

_VALUES: Final[dict[Kind, dict[str, Any]]] = {
    Kind.TEXT: {"type": "string"},
    Kind.ANY: {},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.INTEGER: {"type": "integer"},
    Kind.NUMBER: {"type": "number"},
    Kind.OPTION: {"type": "string"},
    Kind.PATH: {**_PATH, "type": ["string", "null"]},
    Kind.REFERENCE_PATH: {**_REFERENCE_PATH, "type": ["string", "null"]},
    Kind.ITEMS_PATH: _ANY_REFERENCE_PATH,
    Kind.NUMBER_PATH: _ANY_REFERENCE_PATH,
    Kind.TEXT_PATH: _PATH_OR_CALL,
    Kind.ARRAY_OR_EXPRESSION: {"anyOf": [{"type": ["array", "object"]}, _JSONATA]},
    Kind.TRUTH_OR_EXPRESSION: {"anyOf": [{"type": "boolean"}, _JSONATA]},
    Kind.TEXT_OR_EXPRESSION: {"type": "string"},
    Kind.TIMESTAMP: _TIMESTAMP,
    Kind.STATE_NAME: _NAME,
    Kind.ERROR_NAMES: {**_TEXTS, "minItems": 1},
    Kind.TEXTS: _TEXTS,
    Kind.RESOURCE: {"type": "string", "pattern": "^arn:"},
    Kind.LABEL: {"type": "string", "minLength": 1, "maxLength": LABEL_CHARACTERS_MAX},
}


_DISTRIBUTED: Final = {
    "if": {"required": ["Mode"], "properties": {"Mode": {"const": "DISTRIBUTED"}}},
    "then": {"required": ["ExecutionType"]},
    "else": {"properties": {"ExecutionType": False}},
}


class _Form(NamedTuple):
    """The languages that an object is described for: of the whole machine, and of the state that it belongs to."""

    machine: QueryLanguage
    state: QueryLanguage

    def name(self, owner: str) -> str:
        """Of the object among the `$defs`."""
        if owner in ("State", *MACHINES):
            return owner if self.machine == "JSONPath" else f"{owner}-JSONata"
        if owner in STATE_TYPES and self.machine != self.state:
            return f"{owner}-JSONata-here"
        return owner if self.state == "JSONPath" else f"{owner}-JSONata"

    def has(self, owner: str) -> bool:
        """Whether the object has this form: machines know one language, and operands of rules are JSONPath's."""
        if owner in MACHINES:
            return owner != "StateMachine" and self.machine == self.state
        return owner != "Operand" or self.state == "JSONPath"


_FORMS: Final = (_Form("JSONPath", "JSONPath"), _Form("JSONata", "JSONata"), _Form("JSONPath", "JSONata"))
_TEMPLATES: Final = {
    "PayloadTemplate": {
        "type": ["string", "number", "boolean", "null", "array", "object"],
        "items": _PAYLOAD,
        "patternProperties": {r"\.\$$": _PATH_OR_CALL},
        "additionalProperties": _PAYLOAD,
    },
    "JSONataTemplate": {
        "type": ["string", "number", "boolean", "null", "array", "object"],
        "pattern": r"^\{%[\s\S]*%\}$|^(?!\{%)(?![\s\S]*%\}$)",
        "items": _JSONATA_VALUE,
        "additionalProperties": _JSONATA_VALUE,
    },
}


def schema() -> dict[str, Any]:
    """The JSON Schema of a definition; every object of the language is one of its `$defs`."""
    definitions = {form.name(owner): _object(owner, form) for form in _FORMS for owner in OWNERS if form.has(owner)}
    definitions["StateMachine"] = _whole()
    definitions["State"] = _state(_FORMS[0], _FORMS[2])
    definitions["State-JSONata"] = _state(_FORMS[1], _FORMS[1])
    return {
        "$schema": _DIALECT,
        "title": "Amazon States Language",
        "$ref": "#/$defs/StateMachine",
        "$defs": {**definitions, **_TEMPLATES},
    }


def _whole() -> dict[str, Any]:
    """The whole machine: its QueryLanguage decides about the states."""
    described = _object("StateMachine", _FORMS[0])
    described["properties"]["States"] = {
        "type": "object",
        "description": described["properties"]["States"]["description"],
    }
    jsonata = {"required": ["QueryLanguage"], "properties": {"QueryLanguage": {"const": "JSONata"}}}
    described["if"] = jsonata
    described["then"] = {"properties": {"States": _states(_FORMS[1])}}
    described["else"] = {"properties": {"States": _states(_FORMS[0])}}
    return described


def _states(form: _Form) -> dict[str, Any]:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"minLength": 1, "maxLength": NAME_CHARACTERS_MAX},
        "additionalProperties": {"$ref": f"#/$defs/{form.name('State')}"},
    }


def _state(usual: _Form, with_jsonata: _Form) -> dict[str, Any]:
    """A state of any type; its own QueryLanguage and its Type lead to its description."""
    jsonata = {"required": ["QueryLanguage"], "properties": {"QueryLanguage": {"const": "JSONata"}}}
    return {
        "type": "object",
        "required": ["Type"],
        "properties": {"Type": {"enum": list(STATE_TYPES)}},
        "if": jsonata,
        "then": {"allOf": _by_type(with_jsonata)},
        "else": {"allOf": _by_type(usual)},
    }


def _by_type(form: _Form) -> list[dict[str, Any]]:
    return [
        {"if": {"properties": {"Type": {"const": kind}}}, "then": {"$ref": f"#/$defs/{form.name(kind)}"}}
        for kind in STATE_TYPES
    ]


def _object(owner: str, form: _Form) -> dict[str, Any]:
    rows = {name: row for name, row in BY_OWNER[owner].items() if row.language in (None, form.state)}
    result: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field(owner, row, form) for name, row in rows.items()},
        "additionalProperties": False,
    }
    needed = [name for name in REQUIRED[owner] if name in rows]
    if needed:
        result["required"] = needed
    conditions = [_exclusive(rule.fields, rule.one_needed) for rule in EXCLUSIVES_BY_OWNER[owner]]
    if owner == "ProcessorConfig":
        distributed = {"required": ["Mode"], "properties": {"Mode": {"const": "DISTRIBUTED"}}}
        conditions.append(
            {
                "if": distributed,
                "then": {"required": ["ExecutionType"]},
                "else": {"properties": {"ExecutionType": False}},
            }
        )
    if conditions:
        result["allOf"] = conditions
    return result


def _field(owner: str, row: Field, form: _Form) -> dict[str, Any]:
    about = row.about if row.language is None else f"{row.about} ({row.language} only)"
    if row.name == "Type" and owner in STATE_TYPES:
        return {"description": about, "const": owner}
    if row.name == "QueryLanguage" and owner in STATE_TYPES:
        return {"description": about, "enum": [form.state]}
    return {"description": about, **_value(row, form)}


def _value(row: Field, form: _Form) -> dict[str, Any]:
    inside = {"$ref": f"#/$defs/{form.name(row.of)}"}
    is_jsonata = form.state == "JSONata"
    match row.kind:
        case Kind.OBJECT | Kind.RULE | Kind.MACHINE:
            return inside
        case Kind.OBJECTS:
            return {"type": "array", "items": inside}
        case Kind.RULES | Kind.MACHINES:
            return {"type": "array", "minItems": 1, "items": inside}
        case Kind.STATES:
            return _states(form)
        case Kind.OPTION:
            return {"enum": list(row.options)}
        case Kind.TEMPLATE:
            return _JSONATA_VALUE if is_jsonata else _PAYLOAD
        case Kind.VARIABLES:
            return {**_VARIABLES, **(_JSONATA_VALUE if is_jsonata else _PAYLOAD)}
        case Kind.CREDENTIALS:
            return _credentials(is_jsonata)
    value = dict(_VALUES[row.kind])
    if row.minimum is not None:
        value["minimum"] = row.minimum
    if row.maximum is not None:
        value["maximum"] = row.maximum
    or_expression = is_jsonata and row.expression and row.kind is not Kind.TEXT_OR_EXPRESSION
    return {"anyOf": [value, _JSONATA]} if or_expression else value


def _credentials(is_jsonata: bool) -> dict[str, Any]:
    if is_jsonata:
        return {"anyOf": [{"type": "object", "required": ["RoleArn"]}, _JSONATA]}
    return {"type": "object", "anyOf": [{"required": ["RoleArn"]}, {"required": ["RoleArn.$"]}]}


def _exclusive(fields: tuple[str, ...], one_needed: bool) -> dict[str, Any]:
    choices: list[dict[str, Any]] = [_given(name) for name in fields]
    if not one_needed:
        choices.append({"not": {"anyOf": [_given(name) for name in fields]}})
    return {"oneOf": choices}


def _given(name: str) -> dict[str, Any]:
    """`End: false` says nothing."""
    given: dict[str, Any] = {"required": [name]}
    return {**given, "properties": {"End": {"const": True}}} if name == "End" else given
