"""Compiles a definition: text in, a `Program` of frozen states with their expressions as closures out.

Everything that can be wrong is found by the validator first; what is compiled here is known to be right.
"""

from __future__ import annotations

from typing import Any

from engine.asl.diagnostics import InvalidDefinition, Report, has_errors
from engine.asl.model import MachineType, Program, QueryLanguage, State, SubMachine
from engine.asl.parse_states import parse_state
from engine.asl.resource import KnownApi
from engine.asl.structure import state_language
from engine.asl.validate import LONE_STATE, read_definition, walk_lone_state, walk_machine
from engine.asl.variables import variable_references
from engine.expressions.scope import ExpressionSyntaxError


def compile_definition(
    definition_text: str, machine_type: MachineType = "STANDARD", *, known_api: KnownApi | None = None
) -> Program:
    """Compile a whole definition.

    Raises:
        InvalidDefinition: with all findings; its message is AWS's.
    """
    report = Report()
    document = read_definition(definition_text, report)
    walk = None if document is None else walk_machine(document, machine_type, report, known_api)
    _refuse_errors(report)
    assert document is not None and walk is not None
    parser = _MachineParser(walk.language, report)
    machine = parser.machine(document, "")
    _refuse_errors(report)
    return Program(
        machine=machine,
        query_language=walk.language,
        timeout_seconds=document.get("TimeoutSeconds") or None,
        comment=document["Comment"] if isinstance(document.get("Comment"), str) else "",
        all_states=parser.all_states,
        variable_references=variable_references(walk.machines, walk.language),
    )


def compile_state(
    definition_text: str, machine_type: MachineType = "STANDARD", *, known_api: KnownApi | None = None
) -> State:
    """Compile one state that comes without a machine (TestState); its targets need not exist.

    Raises:
        InvalidDefinition: with all findings, located below `/States/StateName`.
    """
    report = Report()
    document = read_definition(definition_text, report)
    walk = None if document is None else walk_lone_state(document, machine_type, report, known_api)
    _refuse_errors(report)
    assert document is not None and walk is not None
    state = _MachineParser(walk.language, report).state(LONE_STATE, document, f"/States/{LONE_STATE}")
    _refuse_errors(report)
    assert state is not None
    return state


def _refuse_errors(report: Report) -> None:
    if has_errors(report.findings):
        raise InvalidDefinition(report.ordered())


class _MachineParser:
    """Compiles machines within machines and remembers every state by its name."""

    def __init__(self, language: QueryLanguage, report: Report) -> None:
        self.language = language
        self.report = report
        self.all_states: dict[str, State] = {}

    def machine(self, document: dict[str, Any], location: str) -> SubMachine:
        """Compile a machine, a branch or an item processor."""
        states = {}
        for name, source in document["States"].items():
            state = self.state(name, source, f"{location}/States/{name}")
            if state is not None:
                states[name] = self.all_states[name] = state
        return SubMachine(document["StartAt"], states)

    def state(self, name: str, source: dict[str, Any], location: str) -> State | None:
        """Compile one state; None after reporting an expression that the validator let through."""
        language = state_language(source, self.language)
        try:
            return parse_state(name, source, language, lambda inner, step: self.machine(inner, location + step))
        except ExpressionSyntaxError as error:
            self.report.error(str(error), location)
            return None
