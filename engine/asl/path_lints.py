"""Warns of paths that no state can have produced: follows what is known of the data on every way through the machines.

The execution's input may be anything, and so may the result of a task; what Parameters, ResultSelector, ItemSelector,
Result, Output and ResultPath make of them is known. Where the ways are too many to follow nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from engine.asl.dataflow import ERROR_OUTPUT, Sight, Stages, entries, inner_input, jsonata_input, stages, ways_out
from engine.asl.diagnostics import OWN_PREFIX, Report
from engine.asl.expression_texts import expression_texts
from engine.asl.model import QueryLanguage
from engine.asl.rules import STATE_TYPES
from engine.asl.shapes import ANY, DEPTH_MAX, Shape, object_of, shape_of
from engine.asl.structure import Machine, state_language
from engine.asl.templates import is_jsonata
from engine.asl.values import assigned_name
from engine.expressions.intrinsics import paths_of_intrinsic

_VISITS_MAX: Final = 12
"""Visits per state of one machine before its ways are given up, in silence."""
_CODE: Final = f"{OWN_PREFIX}IMPOSSIBLE_PATH"


def lint_paths(machines: Sequence[Machine], language: QueryLanguage, report: Report) -> None:
    """Warn of every path that leads nowhere on all ways.

    Args:
        machines: parents before children.
    """
    variables = _variables(machines, language)
    inside: dict[tuple[int, str], Shape] = {}
    for machine in machines:
        entry = ANY
        if machine.inside is not None:
            parent, name = machine.inside
            entry = inside.get((id(parent), name), ANY)
        known = _follow(machine, language, entry, variables)
        for name, state in machine.states.items():
            if name not in known:
                continue
            own = state_language(state, language)
            here = stages(state, own, known[name], variables)
            if state.get("Type") in ("Parallel", "Map"):
                inside[id(machine), name] = inner_input(state, own, here, variables)
            for text, place in _impossible(state, own, here, variables, f"{machine.location}/States/{name}"):
                report.warn(_CODE, f"'{text}' leads nowhere: no state on the way here has produced it.", place)


def _follow(
    machine: Machine, language: QueryLanguage, entry: Shape, variables: Mapping[str, Shape]
) -> dict[str, Shape]:
    """What is known of the input of each state that is reached; nothing at all when it takes too long."""
    states = {name: state for name, state in machine.states.items() if isinstance(state, dict)}
    if not isinstance(machine.start_at, str) or machine.start_at not in states:
        return {}
    known = {machine.start_at: entry}
    waiting = {machine.start_at: None}
    for _ in range(_VISITS_MAX * len(states)):
        if not waiting:
            return known
        name = next(iter(waiting))
        del waiting[name]
        state = states[name]
        own = state_language(state, language)
        for target, data in ways_out(state, own, stages(state, own, known[name], variables)):
            before = known.get(target)
            after = data if before is None else before.or_else(data)
            if target in states and (before is None or after != before):
                known[target] = after
                waiting[target] = None
    return {}


def _variables(machines: Iterable[Machine], language: QueryLanguage) -> dict[str, Shape]:
    """What is known of each variable, wherever it is assigned."""
    found: dict[str, Shape] = {}
    for machine in machines:
        for state in machine.states.values():
            if not isinstance(state, dict):
                continue
            own = state_language(state, language)
            for holder in (state, *entries(state, "Choices"), *entries(state, "Catch")):
                for key, value in _assigned(holder):
                    name = assigned_name(key, own)
                    shape = _assigned_shape(value) if name == key else ANY
                    found[name] = shape.or_else(found.get(name, shape))
    return found


def _assigned(holder: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    block = holder.get("Assign")
    return block.items() if isinstance(block, dict) else ()


def _assigned_shape(value: Any, depth: int = DEPTH_MAX) -> Shape:
    """Of a template in either language; what an expression gives may be anything."""
    if is_jsonata(value) or depth == 0:
        return ANY
    if not isinstance(value, dict):
        return shape_of(value)
    members = {}
    for key, inner in value.items():
        name = key.removesuffix(".$")
        members[name] = ANY if name != key else _assigned_shape(inner, depth - 1)
    return object_of(members)


def _impossible(
    state: dict[str, Any], language: QueryLanguage, known: Stages, variables: Mapping[str, Shape], location: str
) -> Iterator[tuple[str, str]]:
    """Each such path of a state with its place, once."""
    kind = state.get("Type")
    if kind not in STATE_TYPES:
        return
    guarded = tuple(_tested_for_presence(state.get("Choices")))
    seen = set()
    for text, place in expression_texts(kind, state, language, location):
        data = _seen_by(place[len(location) + 1 :], state, language, known)
        for path in _paths(text, language):
            if data is None or (path, place) in seen or path.startswith(guarded):
                continue
            seen.add((path, place))
            if language == "JSONata":
                names = jsonata_input(text)
                leads = data.at(names) if names is not None else ANY
            else:
                leads = Sight(data, variables).at(path)
            if leads is None:
                yield path, place


def _paths(text: str, language: QueryLanguage) -> Iterable[str]:
    if language == "JSONata":
        return (text,) if jsonata_input(text) is not None else ()
    return (text,) if text.startswith("$") else paths_of_intrinsic(text)


def _seen_by(field: str, state: dict[str, Any], language: QueryLanguage, known: Stages) -> Shape | None:
    """What `$` is in a field; None where nothing is read."""
    first = field.partition("/")[0]
    if language == "JSONata" or first == "InputPath":
        return known.raw
    if field.endswith("ResultPath") or (field == "ItemsPath" and "ItemReader" in state):
        return None  # what the reader brings wins over ItemsPath, which need not lead anywhere (recorded)
    if first.startswith("Catch["):
        return ERROR_OUTPUT
    if first == "OutputPath":
        return known.combined
    if first == "ResultSelector":
        return ANY
    if first == "Assign" and state.get("Type") in ("Pass", "Task", "Parallel", "Map"):
        return known.result
    return known.seen


def _tested_for_presence(rules: Any) -> Iterator[str]:
    """Variables that some rule of a Choice tests with IsPresent: their absence is no surprise to the author."""
    waiting = [rules]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict) and "IsPresent" in part and isinstance(part.get("Variable"), str):
            yield part["Variable"]
        if isinstance(part, (dict, list)):
            waiting.extend(part.values() if isinstance(part, dict) else part)
