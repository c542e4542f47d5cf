"""Checks variables: names taken by a parent scope, and references that no way through the machine has set.

A set of variables is one integer, a bit for each name, so the analysis stays fast on large machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from engine.asl.diagnostics import Report
from engine.asl.expression_texts import expression_texts
from engine.asl.model import QueryLanguage
from engine.asl.rules import STATE_TYPES
from engine.asl.structure import Machine, state_language
from engine.asl.templates import variables_in
from engine.asl.values import assigned_name

_ROUNDS_MAX: Final = 40
"""Rounds through one machine before the analysis gives up, without a warning."""


def variable_references(machines: Iterable[Machine], language: QueryLanguage) -> dict[str, tuple[str, ...]]:
    """State name to the sorted names of the variables that it mentions, as DescribeStateMachine shows them."""
    references = {}
    for machine in machines:
        for name, state in machine.states.items():
            found = {variable for variable, _ in _references(state, language, "")}
            if found:
                references[name] = tuple(sorted(found))
    return references


def check_variables(machines: list[Machine], language: QueryLanguage, report: Report) -> None:
    """Report names that a parent scope has taken, then references that are possibly not defined.

    Args:
        machines: parents before children.
    """
    scopes: dict[int, set[str]] = {}
    for machine in machines:
        scopes[id(machine)] = {
            name for state in machine.states.values() for name, _ in _assignments(state, language, "")
        }
        _check_parents(machine, scopes, language, report)
    if any(scopes.values()) or _mentions_any(machines, language):
        _Definitions(language, report).check(machines)


def _check_parents(
    machine: Machine, scopes: Mapping[int, set[str]], language: QueryLanguage, report: Report
) -> None:
    parents = list(_parent_scopes(machine, scopes))
    if not any(parents):
        return
    for name, state in machine.states.items():
        for variable, location in _assignments(state, language, f"{machine.location}/States/{name}"):
            if any(variable in parent for parent in parents):
                report.error(
                    f"The variable name '{variable}' was already defined in a parent scope.",
                    location,
                    "DUPLICATE_VARIABLE_NAME",
                )


def _parent_scopes(machine: Machine, scopes: Mapping[int, set[str]]) -> Iterator[set[str]]:
    while machine.inside is not None and not machine.isolated:
        machine = machine.inside[0]
        yield scopes[id(machine)]


def _mentions_any(machines: Iterable[Machine], language: QueryLanguage) -> bool:
    return any(
        True for machine in machines for state in machine.states.values() for _ in _references(state, language, "")
    )


def _assignments(state: Any, language: QueryLanguage, location: str) -> Iterator[tuple[str, str]]:
    """Every variable that a state may set, with its place."""
    if not isinstance(state, dict):
        return
    own = state_language(state, language)
    for block, place in _assign_blocks(state):
        for key in block:
            name = assigned_name(key, own)
            yield name, f"{location}{place}/{name}"


def _assign_blocks(state: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(state.get("Assign"), dict):
        yield state["Assign"], "/Assign"
    for field in ("Catch", "Choices"):
        entries = state.get(field)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("Assign"), dict):
                yield entry["Assign"], f"/{field}[{index}]/Assign"


def _references(state: Any, language: QueryLanguage, location: str) -> Iterator[tuple[str, str]]:
    """Every variable that a state mentions, with its place."""
    if not isinstance(state, dict) or state.get("Type") not in STATE_TYPES:
        return
    own = state_language(state, language)
    for text, place in expression_texts(state["Type"], state, own, location):
        if "$" in text:
            for variable in sorted(variables_in(text, own)):
                yield variable, place


class _Definitions:
    """Which variables are set on every way to a state."""

    def __init__(self, language: QueryLanguage, report: Report) -> None:
        self.language = language
        self.report = report
        self.bits: dict[str, int] = {}
        self.on_entry: dict[int, dict[str, int]] = {}

    def check(self, machines: list[Machine]) -> None:
        """Parents come before children, whose entry is the state that holds them."""
        for machine in machines:
            entry = 0
            if machine.inside is not None and not machine.isolated:
                parent, state = machine.inside
                entry = self.on_entry[id(parent)].get(state, -1)
            known = self._flow(machine, entry)
            self.on_entry[id(machine)] = known
            for name, state in machine.states.items():
                if name in known:
                    self._report(state, known[name], f"{machine.location}/States/{name}")

    def _flow(self, machine: Machine, entry: int) -> dict[str, int]:
        """Variables that are surely set when each reached state is entered; -1 has every bit."""
        if not isinstance(machine.start_at, str) or machine.start_at not in machine.states:
            return {}
        ways = {name: list(self._ways(state)) for name, state in machine.states.items()}
        known = {machine.start_at: entry}
        waiting = {machine.start_at: None}
        for _ in range(_ROUNDS_MAX * len(ways)):
            if not waiting:
                return known
            name = next(iter(waiting))
            del waiting[name]
            for target, added in ways[name]:
                before = known.get(target, -1)
                after = before & (known[name] | added)
                if target in ways and (after != before or target not in known):
                    known[target] = after
                    waiting[target] = None
        return {}

    def _ways(self, state: Any) -> Iterator[tuple[str, int]]:
        """Each target of a state with the variables that this way sets."""
        if not isinstance(state, dict):
            return
        own = self._mask(state, state)
        for field in ("Next", "Default"):
            if isinstance(state.get(field), str):
                yield state[field], own
        for field in ("Catch", "Choices"):
            entries = state.get(field)
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and isinstance(entry.get("Next"), str):
                    yield entry["Next"], self._mask(state, entry)

    def _mask(self, state: dict[str, Any], holder: dict[str, Any]) -> int:
        block = holder.get("Assign")
        own = state_language(state, self.language)
        mask = 0
        for key in block if isinstance(block, dict) else ():
            mask |= self._bit(assigned_name(key, own))
        return mask

    def _bit(self, name: str) -> int:
        return 1 << self.bits.setdefault(name, len(self.bits))

    def _report(self, state: Any, known: int, location: str) -> None:
        if known == -1:
            return
        reported = set()
        for variable, place in _references(state, self.language, location):
            if not known & self._bit(variable) and (variable, place) not in reported:
                reported.add((variable, place))
                self.report.warn(
                    "POSSIBLY_UNDEFINED_VARIABLE", f"Variable '{variable}' is possibly not defined.", place
                )
