"""Checks variables: names that a parent scope has taken, and references that some way through the machine has not set.

A set of variables is one integer, a bit for each name, so the analysis stays fast on large machines.
Source: recordings of accepted definitions (a branch may use a name that its Parallel sets only afterwards).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from engine.asl.diagnostics import Report
from engine.asl.expression_texts import expression_texts
from engine.asl.model import QueryLanguage
from engine.asl.rules import STATE_TYPES
from engine.asl.structure import Machine, state_language
from engine.asl.templates import variables_in
from engine.asl.values import assigned_name

_ROUNDS_MAX: Final = 40
"""Visits per state of one machine before the analysis gives up, in silence."""


class _Known(NamedTuple):
    """What is set when a state is entered: on every way (`surely`), and on one way at least (`maybe`)."""

    surely: int
    maybe: int


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
    """Report names that are set twice in nested scopes, and mentions of what is possibly not defined.

    Args:
        machines: parents before children.
    """
    definitions = _Definitions(language, report)
    for machine in machines:
        definitions.check(machine)


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
        for index, entry in enumerate(_entries(state, field)):
            if isinstance(entry.get("Assign"), dict):
                yield entry["Assign"], f"/{field}[{index}]/Assign"


def _entries(state: dict[str, Any], field: str) -> list[dict[str, Any]]:
    entries = state.get(field)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


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
    """Follows every way through the machines and remembers what is set where."""

    def __init__(self, language: QueryLanguage, report: Report) -> None:
        self.language = language
        self.report = report
        self.bits: dict[str, int] = {}
        self.on_entry: dict[int, dict[str, _Known]] = {}

    def check(self, machine: Machine) -> None:
        """Check one machine; the one around it has been checked before."""
        outside = _Known(0, 0)
        if machine.inside is not None and not machine.isolated:
            parent, state_name = machine.inside
            outside = self.on_entry[id(parent)].get(state_name, outside)
        known = self._flow(machine, outside)
        self.on_entry[id(machine)] = known
        for name, state in machine.states.items():
            location = f"{machine.location}/States/{name}"
            self._check_parents(state, outside.maybe, location)
            if name in known:
                self._check_references(state, known[name].surely, location)

    def _check_parents(self, state: Any, taken: int, location: str) -> None:
        if not taken:
            return
        for variable, place in _assignments(state, self.language, location):
            if taken & self._bit(variable):
                self.report.error(
                    f"The variable name '{variable}' was already defined in a parent scope.",
                    place,
                    "DUPLICATE_VARIABLE_NAME",
                )

    def _check_references(self, state: Any, surely: int, location: str) -> None:
        missing = {
            (variable, place)
            for variable, place in _references(state, self.language, location)
            if not surely & self._bit(variable)
        }
        for variable, place in sorted(missing):
            self.report.warn("POSSIBLY_UNDEFINED_VARIABLE", f"Variable '{variable}' is possibly not defined.", place)

    def _flow(self, machine: Machine, entry: _Known) -> dict[str, _Known]:
        """What is set when each reached state is entered; nothing is known of the others."""
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
            here = known[name]
            for target, added in ways[name]:
                after = _Known(here.surely | added, here.maybe | added)
                if target in known:
                    before = known[target]
                    after = _Known(before.surely & after.surely, before.maybe | after.maybe)
                if target in ways and after != known.get(target):
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
            for entry in _entries(state, field):
                if isinstance(entry.get("Next"), str):
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
