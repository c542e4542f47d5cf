"""The language as a page for people, made from the table: every object, its fields and their values."""

from __future__ import annotations

from typing import Final

from engine.asl.reference_notes import CONTEXT, ERRORS, INTRINSICS, JSONATA_FUNCTIONS, WARNINGS
from engine.asl.resource import SERVICES
from engine.asl.rules import BY_OWNER, EXCLUSIVES_BY_OWNER, OPERATORS, OWNERS, STATE_TYPES, Field, Kind

_OPERATORS: Final = frozenset(OPERATORS)
_TITLES: Final = {"StateMachine": "State machine", "Branch": "Branch of a Parallel", "Operand": "Rule inside a rule"}
_SERVICES: Final = "Optimized integrations"
_INTRODUCTION: Final = (
    "Every object of the language with its fields. Fields marked P exist in JSONPath only, fields marked A in JSONata",
    "only; the language of a state is its own QueryLanguage, or that of the whole machine. `stepwell schema` prints",
    "the same as a JSON schema for editors, `stepwell validate` says what is wrong with a definition.",
    "",
    "| Value | is |",
    "|---|---|",
    "| path | JSONPath: `$.order.lines[*].price`, `$$.Execution.Id` (context object), `$name.member` (variable) |",
    "| reference path | a path to one place: names and indexes only, `$.order.lines[0]` |",
    "| payload template | JSON whose members `name.$` hold a path or an intrinsic function |",
    "| JSONata template | JSON whose strings `{% ... %}` are expressions; they see `$states` and the variables |",
    "| JSONata expression | one string `{% ... %}` |",
)
_RULE_INSIDE: Final = "The fields of [ChoiceRule](#choicerule) without `Next`, `Condition`, `Output` and `Assign`."
_STATES: Final = (
    "`$$` in JSONPath, `$states.context` in JSONata. `$states` has `input` and `context`, in Output and Assign also "
    "`result` (Task, Parallel, Map), in a catcher `errorOutput` (`Error`, `Cause`)."
)
_NOTES: Final = (
    ("Intrinsic functions", "In payload templates and some path fields of JSONPath, nested at most ten deep.",
     ("Function", "Gives"), INTRINSICS),
    ("Functions added to JSONata", "Besides those of JSONata itself, of which only `$eval` is missing.",
     ("Function", "Gives"), JSONATA_FUNCTIONS),
    ("Context object", _STATES, ("Member", "Is"), CONTEXT),
    ("Error names", "Besides the names that functions, services and Fail states give.", ("Name", "Means"), ERRORS),
    ("Warnings", "What `stepwell validate` says beyond the diagnostics of AWS; a definition with warnings is valid.",
     ("Code", "Means"), WARNINGS),
)  # fmt: skip
_PATTERN_NAMES: Final = {
    "request_response": "call",
    "sync": "`.sync`",
    "sync:2": "`.sync:2`",
    "wait_for_task_token": "`.waitForTaskToken`",
}


def reference_page() -> str:
    """The reference page in Markdown."""
    parts = ["# The states language", "", *_INTRODUCTION, "", _contents()]
    for owner in OWNERS:
        parts += ["", *_section(owner)]
    for title, about, heads, rows in _NOTES:
        parts += ["", f"## {title}", "", about, "", f"| {heads[0]} | {heads[1]} |", "|---|---|"]
        parts += [f"| {_code(name)} | {text} |" for name, text in rows.items()]
    parts += ["", *_services(), ""]
    return "\n".join(parts)


def _contents() -> str:
    titles = [*map(_title, OWNERS), *(title for title, *_ in _NOTES), _SERVICES]
    return "On this page: " + " · ".join(f"[{title}](#{title.lower().replace(' ', '-')})" for title in titles)


def _code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", ")) if "(" not in names else f"`{names}`"


def _title(owner: str) -> str:
    return f"{owner} state" if owner in STATE_TYPES else _TITLES.get(owner, owner)


def _section(owner: str) -> list[str]:
    if owner == "Operand":
        return [
            f"## {_title(owner)}",
            "",
            "The fields of [ChoiceRule](#choicerule) without `Next`, `Condition`, `Output` and `Assign`.",
        ]
    lines = [f"## {_title(owner)}", "", "| Field | | Value | Meaning |", "|---|---|---|---|"]
    lines += [_row(owner, row) for row in BY_OWNER[owner].values()]
    for rule in EXCLUSIVES_BY_OWNER[owner]:
        how = "exactly" if rule.one_needed else "at most"
        lines += ["", f"There is {how} one of {', '.join(f'`{name}`' for name in rule.fields)}."]
    if not _OPERATORS.isdisjoint(BY_OWNER[owner]):
        lines += ["", "There is exactly one comparison beside `Variable`."]
    return lines


def _row(owner: str, row: Field) -> str:
    marks = [{"JSONPath": "P", "JSONata": "A"}.get(row.language or "", ""), "required" if row.required else ""]
    value = f"`{owner}`" if row.name == "Type" and owner in STATE_TYPES else _value(row)
    return f"| `{row.name}` | {' '.join(filter(None, marks))} | {value} | {row.about} |"


def _value(row: Field) -> str:
    if row.kind is Kind.OPTION:
        return ", ".join(f"`{option}`" for option in row.options)
    texts = [_kind(row)]
    if row.minimum is not None:
        texts.append(f"from {_number(row.minimum)}")
    if row.maximum is not None:
        texts.append(f"to {_number(row.maximum)}")
    if row.expression and row.kind is not Kind.TEXT_OR_EXPRESSION:
        texts.append("or JSONata expression")
    return " ".join(texts)


def _kind(row: Field) -> str:
    linked = f"[{_title(row.of)}](#{_title(row.of).lower().replace(' ', '-')})"
    match row.kind:
        case Kind.OBJECT | Kind.MACHINE | Kind.RULE:
            return linked
        case Kind.OBJECTS:
            return f"array of {linked}"
        case Kind.MACHINES | Kind.RULES:
            return f"non-empty array of {linked}"
        case Kind.TEMPLATE if row.language is not None:
            return "payload template" if row.language == "JSONPath" else "JSONata template"
    return str(row.kind.value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else str(value)


def _services() -> list[str]:
    lines = [f"## {_SERVICES}", "", "| Service | Action | Patterns |", "|---|---|---|"]
    for service, actions in SERVICES.items():
        for action, patterns in actions.items():
            lines.append(f"| {service} | {action} | {', '.join(_PATTERN_NAMES[pattern] for pattern in patterns)} |")
    lines += ["", "Every action of the AWS SDK: `arn:aws:states:::aws-sdk:<service>:<action>[.waitForTaskToken]`."]
    return lines
