"""How a state's fields change what is known of its data: from its input to its output on every way out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.asl.model import QueryLanguage
from engine.asl.shapes import ANY, DEPTH_MAX, EMPTY, Shape, object_of, shape_of
from engine.asl.templates import is_jsonata
from engine.expressions.jsonpath_tree import Property
from engine.expressions.path_reader import parse_path
from engine.expressions.reference_path import compile_reference_path
from engine.expressions.scope import ExpressionSyntaxError

_WORK: Final = ("Task", "Parallel", "Map")
_INPUT: Final = re.compile(r"\{%\s*\$states\.input((?:\.[A-Za-z_]\w*)*)\s*%\}")
_ITEM: Final = {"Index": EMPTY, "Value": ANY, "Key": EMPTY, "Source": EMPTY}
CONTEXT: Final = shape_of(
    {
        "Execution": dict.fromkeys(("Id", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime")),
        "StateMachine": dict.fromkeys(("Id", "Name")),
        "State": dict.fromkeys(("Name", "EnteredTime", "RetryCount")),
        "Task": {"Token": None},
    }
).with_value(("Execution", "Input"), ANY).with_value(("Map", "Item"), object_of(_ITEM))  # fmt: skip
"""The context object, `$$`."""
ERROR_OUTPUT: Final = shape_of({"Error": "", "Cause": ""})


@dataclass(frozen=True, slots=True)
class Sight:
    """What an expression can look at: `$`, and variables by name."""

    data: Shape
    variables: Mapping[str, Shape]

    def of(self, data: Shape) -> Sight:
        """The same variables with other data."""
        return Sight(data, self.variables)

    def at(self, path: str) -> Shape | None:
        """What a path leads to; None if it leads nowhere for certain."""
        try:
            parsed = parse_path(path)
        except ExpressionSyntaxError:
            return ANY
        names, root = [], self.data
        for token in parsed.tokens:
            if not isinstance(token, Property):
                break
            names.append(token.name)
        if parsed.root == "$name":
            root = self.variables.get(names.pop(0), ANY)
        elif parsed.root == "$$":
            root = CONTEXT
        found = root.at(names)
        return ANY if found is not None and len(parsed.tokens) > len(names) + (parsed.root == "$name") else found


@dataclass(frozen=True, slots=True)
class Stages:
    """What is known at each step of a state.

    Attributes:
        raw: the input; `seen` after InputPath; `given` after Parameters or Arguments.
        result: after ResultSelector; `combined` after ResultPath; `output` at the end.
    """

    raw: Shape
    seen: Shape
    given: Shape
    result: Shape
    combined: Shape
    output: Shape


def jsonata_input(text: str) -> list[str] | None:
    """The names behind `$states.input` when an expression is nothing else."""
    found = _INPUT.fullmatch(text)
    return None if found is None else found[1].split(".")[1:]


def stages(state: dict[str, Any], language: QueryLanguage, raw: Shape, variables: Mapping[str, Shape]) -> Stages:
    """Follow the data through one state."""
    if language == "JSONata":
        given = _jsonata(state["Arguments"], raw) if "Arguments" in state else raw
        passed = ANY if state.get("Type") in _WORK else raw
        output = _jsonata(state["Output"], raw) if "Output" in state else passed
        return Stages(raw, raw, given, passed, output, output)
    sight = Sight(raw, variables)
    seen = _through(state.get("InputPath", "$"), sight)
    works = state.get("Type") in _WORK
    given = seen
    if "Parameters" in state and state.get("Type") != "Map":
        given = template(state["Parameters"], "JSONPath", sight.of(seen))
    result = ANY if works else given
    if works and "ResultSelector" in state:
        result = template(state["ResultSelector"], "JSONPath", sight.of(ANY))
    elif state.get("Type") == "Pass" and state.get("Result") is not None:
        result = shape_of(state["Result"])
    combined = _written(state.get("ResultPath", "$"), raw, result) if works or state.get("Type") == "Pass" else seen
    output = _through(state.get("OutputPath", "$"), sight.of(combined))
    return Stages(raw, seen, given, result, combined, output)


def ways_out(state: dict[str, Any], language: QueryLanguage, known: Stages) -> Iterator[tuple[str, Shape]]:
    """Each target of a state, with what is known of the data that go there."""
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield state[field], known.output
    for entry in entries(state, "Choices"):
        if isinstance(entry.get("Next"), str):
            taken = known.output
            if language == "JSONata" and "Output" in entry:
                taken = _jsonata(entry["Output"], known.raw)
            yield entry["Next"], taken
    for entry in entries(state, "Catch"):
        if isinstance(entry.get("Next"), str):
            if language == "JSONPath":
                caught = _written(entry.get("ResultPath", "$"), known.raw, ERROR_OUTPUT)
            else:
                caught = _jsonata(entry["Output"], known.raw) if "Output" in entry else ERROR_OUTPUT
            yield entry["Next"], caught


def inner_input(state: dict[str, Any], language: QueryLanguage, known: Stages, variables: Mapping[str, Shape]) -> Shape:
    """The input of a Parallel's branches or of a Map's iterations."""
    if state.get("Type") == "Parallel":
        return known.given
    sight = Sight(known.seen, variables)
    selector = state.get("ItemSelector", state.get("Parameters"))
    item = ANY if selector is None else template(selector, language, sight)
    batcher = state.get("ItemBatcher")
    if not isinstance(batcher, dict):
        return item
    batch = {"Items": ANY}
    if "BatchInput" in batcher:
        batch["BatchInput"] = template(batcher["BatchInput"], language, sight)
    return object_of(batch)


def template(value: Any, language: QueryLanguage, sight: Sight) -> Shape:
    """What a payload template or a JSONata template makes."""
    return _jsonata(value, sight.data) if language == "JSONata" else _payload(value, sight, DEPTH_MAX)


def entries(state: dict[str, Any], field: str) -> list[dict[str, Any]]:
    """The objects of an array field."""
    found = state.get(field)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _payload(value: Any, sight: Sight, depth: int) -> Shape:
    if isinstance(value, list) or depth == 0:
        return ANY
    if not isinstance(value, dict):
        return EMPTY
    members = {}
    for key, inner in value.items():
        if key.endswith(".$"):
            found = sight.at(inner) if isinstance(inner, str) and inner.startswith("$") else ANY
            members[key[:-2]] = ANY if found is None else found
        else:
            members[key] = _payload(inner, sight, depth - 1)
    return object_of(members)


def _jsonata(value: Any, data: Shape, depth: int = DEPTH_MAX) -> Shape:
    if is_jsonata(value):
        names = jsonata_input(value)
        return ANY if names is None else data.at(names) or ANY
    if isinstance(value, list) or depth == 0:
        return ANY
    if not isinstance(value, dict):
        return EMPTY
    return object_of({key: _jsonata(inner, data, depth - 1) for key, inner in value.items()})


def _through(path: Any, sight: Sight) -> Shape:
    """After InputPath or OutputPath; null is the empty object."""
    if path is None:
        return EMPTY
    return (sight.at(path) if isinstance(path, str) else None) or ANY


def _written(path: Any, raw: Shape, result: Shape) -> Shape:
    """After ResultPath; null keeps the input."""
    if path is None:
        return raw
    try:
        return raw.with_value(compile_reference_path(path).steps, result)
    except (ExpressionSyntaxError, AttributeError):
        return ANY
