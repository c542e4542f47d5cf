"""Our own warnings, beyond what the service says: what is allowed but hardly meant. Codes begin with `STEPWELL_`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.asl.diagnostics import Report
from engine.asl.model import MachineType, QueryLanguage
from engine.asl.structure import Machine, state_language
from engine.asl.transitions import targets
from engine.failure import STATES_ALL, TASK_FAILED, TIMEOUT


def lint(machines: Iterable[Machine], language: QueryLanguage, machine_type: MachineType, report: Report) -> None:
    """Warn of every state that is likely to surprise its author."""
    for machine in machines:
        for name, state in machine.states.items():
            if isinstance(state, dict):
                location = f"{machine.location}/States/{name}"
                _lint_timeout(state, location, report)
                _lint_errors(state, location, report)
        if language == "JSONPath":
            _lint_impossible_paths(machine, report)


def _lint_timeout(state: dict[str, Any], location: str, report: Report) -> None:
    if state.get("Type") != "Task":
        return
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if timeout is None and "TimeoutSecondsPath" not in state:
        report.warn("STEPWELL_NO_TIMEOUT", "A task without TimeoutSeconds may wait for ever.", location)
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        report.warn(
            "STEPWELL_USELESS_HEARTBEAT",
            "HeartbeatSeconds is not smaller than TimeoutSeconds, so a missed heartbeat is never noticed.",
            f"{location}/HeartbeatSeconds",
        )


def _lint_errors(state: dict[str, Any], location: str, report: Report) -> None:
    for field, code, what in (
        ("Retry", "STEPWELL_SHADOWED_RETRY", "retrier"),
        ("Catch", "STEPWELL_SHADOWED_CATCH", "catcher"),
    ):
        seen: set[str] = set()
        for index, entry in enumerate(_entries(state, field)):
            names = _error_names(entry)
            if names and all(_is_covered(name, seen) for name in names):
                report.warn(
                    code,
                    f"Earlier {what}s match every error of this one, so it never acts.",
                    f"{location}/{field}[{index}]",
                )
            seen |= names
    if state.get("Type") == "Task" and not state.get("Catch") and not state.get("Retry"):
        report.warn(
            "STEPWELL_UNHANDLED_ERRORS",
            "A task without Retry and Catch fails the execution at its first error.",
            location,
        )


def _is_covered(name: str, seen: set[str]) -> bool:
    return name in seen or STATES_ALL in seen or (TASK_FAILED in seen and name not in (TIMEOUT, STATES_ALL))


def _entries(state: dict[str, Any], field: str) -> list[Any]:
    entries = state.get(field)
    return entries if isinstance(entries, list) else []


def _error_names(entry: Any) -> set[str]:
    names = entry.get("ErrorEquals") if isinstance(entry, dict) else None
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _lint_impossible_paths(machine: Machine, report: Report) -> None:
    """Warn of an InputPath into a literal that surely is the state's input and lacks that member."""
    before: dict[str, list[str]] = {}
    for name, state in machine.states.items():
        for target, _ in targets(state, ""):
            before.setdefault(target, []).append(name)
    for name, state in machine.states.items():
        sources = before.get(name, [])
        if len(sources) != 1 or name == machine.start_at or not isinstance(state, dict):
            continue
        known = _literal_output(machine.states[sources[0]])
        path = state.get("InputPath")
        if known is None or not isinstance(path, str) or not path.startswith("$."):
            continue
        member = path[2:].split(".")[0].split("[")[0]
        if member.isidentifier() and member not in known:
            report.warn(
                "STEPWELL_IMPOSSIBLE_PATH",
                f"'{path}' does not exist in the result of '{sources[0]}', the only state before this one.",
                f"{machine.location}/States/{name}/InputPath",
            )


def _literal_output(state: Any) -> dict[str, Any] | None:
    """The output of a Pass state that passes on nothing but its Result."""
    if not isinstance(state, dict) or state.get("Type") != "Pass":
        return None
    if state_language(state, "JSONPath") != "JSONPath" or not {"ResultPath", "OutputPath"}.isdisjoint(state):
        return None
    result = state.get("Result")
    return result if isinstance(result, dict) else None
