"""The front door of validation: a definition's text in, all findings out, in AWS's words and order."""

from __future__ import annotations

from typing import Any, Final

from engine.asl.diagnostics import SCHEMA, Report
from engine.asl.jackson import find_json_error
from engine.asl.lints import lint
from engine.asl.model import Diagnostic, MachineType
from engine.asl.resource import KnownApi
from engine.asl.site import Site
from engine.asl.structure import Walk, check_machine, check_state, machine_language
from engine.asl.transitions import check_transitions
from engine.asl.variables import check_variables
from engine.limits import DEFINITION_DEPTH_MAX
from engine.payload import JsonError, decode_json

LONE_STATE: Final = "StateName"
"""How the service calls a state that comes without a machine."""


def validate(
    definition_text: str,
    machine_type: MachineType = "STANDARD",
    *,
    known_api: KnownApi | None = None,
    lints: bool = False,
) -> list[Diagnostic]:
    """Find everything that is wrong with a definition; errors come before warnings.

    Args:
        known_api: what APIs take; without it every well-formed `aws-sdk:` resource and any parameter passes.
        lints: add our own warnings, whose codes begin with `STEPWELL_`.
    """
    report = Report()
    document = read_definition(definition_text, report)
    if document is not None:
        walk = walk_machine(document, machine_type, report, known_api)
        if lints:
            lint(walk.machines, walk.language, machine_type, bool(document.get("TimeoutSeconds")), report)
    return report.ordered()


def validate_state(
    definition_text: str, machine_type: MachineType = "STANDARD", *, known_api: KnownApi | None = None
) -> list[Diagnostic]:
    """Find everything that is wrong with one state that comes without a machine; its targets need not exist."""
    report = Report()
    document = read_definition(definition_text, report)
    if document is not None:
        walk_lone_state(document, machine_type, report, known_api)
    return report.ordered()


def walk_machine(
    document: dict[str, Any], machine_type: MachineType, report: Report, known_api: KnownApi | None = None
) -> Walk:
    """Run every check of a whole definition."""
    walk = Walk(report, machine_language(document), known_api)
    check_machine("StateMachine", document, Site(report, "", walk.language, machine_type == "EXPRESS"), walk)
    _check_machines(walk)
    return walk


def walk_lone_state(
    document: dict[str, Any], machine_type: MachineType, report: Report, known_api: KnownApi | None = None
) -> Walk:
    """Run every check of one state and of the machines inside it."""
    walk = Walk(report, "JSONPath", known_api)
    site = Site(report, f"/States/{LONE_STATE}", walk.language, machine_type == "EXPRESS")
    check_state(LONE_STATE, document, site, walk, None)
    _check_machines(walk)
    return walk


def read_definition(text: str, report: Report) -> dict[str, Any] | None:
    """The JSON object, or None after reporting why there is none."""
    if not text.strip():
        report.error("Definition must be a valid JSON object", None)
        return None
    try:
        document = decode_json(text)
    except JsonError as error:
        _report_json(text, error, report)
        return None
    if not isinstance(document, dict):
        report.error("Definition must be a valid JSON object", None, SCHEMA)
        return None
    if _is_too_deep(document):
        _report_depth(report)
        return None
    return document


def _check_machines(walk: Walk) -> None:
    for machine in walk.machines:
        check_transitions(machine, walk.report)
    check_variables(walk.machines, walk.language, walk.report)


def _report_json(text: str, error: JsonError, report: Report) -> None:
    found = find_json_error(text)
    if found is not None:
        report.error(str(found), found.location, "INVALID_JSON_DESCRIPTION")
    elif str(error).startswith("nested deeper"):
        _report_depth(report)
    else:
        report.error(str(error), None, "INVALID_JSON_DESCRIPTION")


def _report_depth(report: Report) -> None:
    report.error(f"The states are too deeply nested: more than {DEFINITION_DEPTH_MAX} levels of JSON", None,
                 "TOO_DEEPLY_NESTED")  # fmt: skip


def _is_too_deep(document: dict[str, Any]) -> bool:
    level: list[Any] = [document]
    for _ in range(DEFINITION_DEPTH_MAX):
        if not level:
            return False
        level = [
            inner
            for part in level
            for inner in (part.values() if isinstance(part, dict) else part)
            if isinstance(inner, (dict, list))
        ]
    return bool(level)
