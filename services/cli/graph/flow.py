"""The control flow of a definition: its states, what follows what, and what runs inside what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.payload import encode_json

START = "start"
END = "end"


@dataclass(slots=True)
class Edge:
    """A possible transition; `label` is empty for a plain Next."""

    source: str
    target: str
    label: str = ""
    catch: bool = False


@dataclass(slots=True)
class Box:
    """A state as a node. `flows` are its branches (Parallel) or its item processor (Map)."""

    id: str
    name: str
    kind: str
    flows: list[Flow] = field(default_factory=list)


@dataclass(slots=True)
class Flow:
    """One machine, branch or item processor. `START` and `END` are edge ends of their own, not boxes."""

    boxes: list[Box]
    edges: list[Edge]


def read_flow(definition: Mapping[str, Any], prefix: str = "n") -> Flow:
    """Read a definition, or one branch of it. It must be valid: unknown targets are left out of the picture."""
    states: Mapping[str, Any] = definition.get("States", {})
    ids = {name: f"{prefix}{index}" for index, name in enumerate(states)}
    boxes = []
    for name, state in states.items():
        flows = [read_flow(inner, f"{ids[name]}_{index}_") for index, inner in _inner(state)]
        boxes.append(Box(ids[name], name, str(state.get("Type", "")), flows))
    edges = [Edge(START, ids[definition["StartAt"]])] if definition.get("StartAt") in ids else []
    for name, state in states.items():
        edges.extend(
            Edge(ids[name], ids.get(target, END) if target is not None else END, label, catch)
            for target, label, catch in _ways_out(state)
        )
    return Flow(boxes, edges)


def _inner(state: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    if state.get("Type") == "Parallel":
        return enumerate(state.get("Branches", []))
    processor = state.get("ItemProcessor") or state.get("Iterator")
    return [(0, processor)] if state.get("Type") == "Map" and processor else []


def _ways_out(state: Mapping[str, Any]) -> Iterable[tuple[str | None, str, bool]]:
    """Target (None is the end), label, and whether it is a Catch."""
    if state.get("Type") == "Choice":
        for rule in state.get("Choices", []):
            yield rule.get("Next"), describe_rule(rule), False
        if "Default" in state:
            yield state["Default"], "otherwise", False
    elif "Next" in state:
        yield state["Next"], "", False
    else:
        yield None, "", False
    for catcher in state.get("Catch", []):
        yield catcher.get("Next"), ", ".join(catcher.get("ErrorEquals", [])), True


_RULE_CHARACTERS_MAX = 48


def describe_rule(rule: Mapping[str, Any]) -> str:
    """A Choice rule in one short line."""
    text = str(rule["Condition"]) if "Condition" in rule else _describe(rule)
    return text if len(text) <= _RULE_CHARACTERS_MAX else text[: _RULE_CHARACTERS_MAX - 1] + "…"


def _describe(rule: Mapping[str, Any]) -> str:
    for word in ("And", "Or"):
        if word in rule:
            return f" {word.lower()} ".join(_describe(part) for part in rule[word])
    if "Not" in rule:
        return f"not ({_describe(rule['Not'])})"
    for name, value in rule.items():
        if name not in ("Variable", "Next", "Comment", "Assign", "Output"):
            shown = value if isinstance(value, str) else encode_json(value).decode()
            return f"{rule.get('Variable', '')} {_operator(name)} {shown}"
    return str(rule.get("Variable", ""))


def _operator(name: str) -> str:
    base = name.removesuffix("Path")
    for ending, sign in _SIGNS.items():
        if base.endswith(ending):
            return sign
    return name


_SIGNS = {
    "GreaterThanEquals": "≥",
    "LessThanEquals": "≤",
    "GreaterThan": ">",
    "LessThan": "<",
    "Equals": "=",
    "Matches": "like",
}
