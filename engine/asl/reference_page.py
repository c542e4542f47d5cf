"""The language as a page for people, made from the table: every object, its fields and their values."""

from __future__ import annotations

from typing import Final

from engine.asl.resource import SERVICES
from engine.asl.rules import BY_OWNER, EXCLUSIVES_BY_OWNER, OPERATORS, OWNERS, STATE_TYPES, Field, Kind

_OPERATORS: Final = frozenset(OPERATORS)
_TITLES: Final = {"StateMachine": "State machine", "Branch": "Branch of a Parallel", "Operand": "Rule inside a rule"}
_PATTERN_NAMES: Final = {
    "request_response": "call",
    "sync": "`.sync`",
    "sync:2": "`.sync:2`",
    "wait_for_task_token": "`.waitForTaskToken`",
}


def reference_page() -> str:
    """The reference page in Markdown."""
    parts = [
        "# The states language",
        "",
        "Made from the table that the validator, the parser and the JSON schema use; do not edit.",
        "Fields marked P exist in JSONPath only, fields marked A in JSONata only.",
    ]
    for owner in OWNERS:
        parts += ["", *_section(owner)]
    parts += ["", *_services(), ""]
    return "\n".join(parts)


def _section(owner: str) -> list[str]:
    title = f"{owner} state" if owner in STATE_TYPES else _TITLES.get(owner, owner)
    lines = [f"## {title}", "", "| Field | | Value | Meaning |", "|---|---|---|---|"]
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
    texts = [f"[{row.of}](#{row.of.lower()})" if row.kind is Kind.OBJECT else row.kind.value]
    if row.kind is Kind.OBJECTS:
        texts = [f"array of [{row.of}](#{row.of.lower()})"]
    if row.minimum is not None:
        texts.append(f"from {_number(row.minimum)}")
    if row.maximum is not None:
        texts.append(f"to {_number(row.maximum)}")
    if row.expression and row.kind is not Kind.TEXT_OR_EXPRESSION:
        texts.append("or JSONata expression")
    return " ".join(texts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else str(value)


def _services() -> list[str]:
    lines = ["## Optimized integrations", "", "| Service | Action | Patterns |", "|---|---|---|"]
    for service, actions in SERVICES.items():
        for action, patterns in actions.items():
            lines.append(f"| {service} | {action} | {', '.join(_PATTERN_NAMES[pattern] for pattern in patterns)} |")
    lines += ["", "Every action of the AWS SDK: `arn:aws:states:::aws-sdk:<service>:<action>[.waitForTaskToken]`."]
    return lines
