"""Our own warnings, beyond what the service says: what is allowed but hardly meant. Codes begin with `STEPWELL_`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.asl.diagnostics import Report
from engine.asl.model import MachineType, QueryLanguage
from engine.asl.path_lints import lint_paths
from engine.asl.structure import Machine
from engine.failure import HEARTBEAT_TIMEOUT, RUNTIME, STATES_ALL, TASK_FAILED, TIMEOUT

_NOT_TASK_FAILED: Final = (TIMEOUT, HEARTBEAT_TIMEOUT, STATES_ALL)
_HANDLING: Final = (
    "Retry",
    "Catch",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
)


def lint(
    machines: Sequence[Machine], language: QueryLanguage, machine_type: MachineType, has_timeout: bool, report: Report
) -> None:
    """Warn of every state that is likely to surprise its author.

    Args:
        machines: parents before children.
        language: of the whole machine.
        machine_type: an Express execution ends after five minutes.
        has_timeout: the whole machine has TimeoutSeconds.
        report: gets the warnings.
    """
    for machine in machines:
        limited = machine_type == "EXPRESS" or has_timeout
        handled = _is_handled_around(machine)
        for name, state in machine.states.items():
            if isinstance(state, dict):
                location = f"{machine.location}/States/{name}"
                _lint_timeout(state, limited, location, report)
                _lint_entries(state, location, report)
                if not handled:
                    _lint_unhandled(state, location, report)
    lint_paths(machines, language, report)


def _lint_timeout(state: dict[str, Any], limited: bool, location: str, report: Report) -> None:
    """Warn where somebody else decides how long the task takes; a call of an AWS API answers within a minute."""
    if state.get("Type") != "Task":
        return
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if timeout is None and "TimeoutSecondsPath" not in state and not limited:
        about = _how_long(state)
        if about is not None:
            report.warn("STEPWELL_NO_TIMEOUT", f"Without TimeoutSeconds {about}.", location)
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        report.warn(
            "STEPWELL_USELESS_HEARTBEAT",
            "HeartbeatSeconds is not smaller than TimeoutSeconds, so a missed heartbeat is never noticed.",
            f"{location}/HeartbeatSeconds",
        )


def _how_long(state: dict[str, Any]) -> str | None:
    resource = str(state.get("Resource", ""))
    if ":activity:" in resource or resource.endswith(".waitForTaskToken"):
        has_heartbeat = "HeartbeatSeconds" in state or "HeartbeatSecondsPath" in state
        return None if has_heartbeat else "this task waits for ever when nobody answers"
    if resource.endswith((".sync", ".sync:2")):
        return "this task waits as long as the job runs, for ever when it hangs"
    if ":lambda:" in resource:
        return "this task waits as long as the function runs, up to 15 minutes"
    return None


def _lint_entries(state: dict[str, Any], location: str, report: Report) -> None:
    for field, code, what in (
        ("Retry", "STEPWELL_SHADOWED_RETRY", "retrier"),
        ("Catch", "STEPWELL_SHADOWED_CATCH", "catcher"),
    ):
        seen: set[str] = set()
        for index, entry in enumerate(_entries(state, field)):
            names = _error_names(entry)
            place = f"{location}/{field}[{index}]"
            if names == {RUNTIME}:
                report.warn("STEPWELL_UNCATCHABLE_ERROR", f"No {what} ever acts on {RUNTIME}.", place)
            elif names and all(_is_covered(name, seen) for name in names):
                report.warn(code, f"Earlier {what}s match every error of this one, so it never acts.", place)
            seen |= names


def _lint_unhandled(state: dict[str, Any], location: str, report: Report) -> None:
    if state.get("Type") == "Task" and not state.get("Catch") and not state.get("Retry"):
        report.warn(
            "STEPWELL_UNHANDLED_ERRORS",
            "A task without Retry and Catch fails the execution at its first error.",
            location,
        )


def _is_handled_around(machine: Machine) -> bool:
    """Some Map or Parallel around the machine retries, catches or tolerates what fails in it."""
    at = machine.inside
    while at is not None:
        outer, name = at
        state = outer.states[name]
        if any(state.get(field) for field in _HANDLING):
            return True
        at = outer.inside
    return False


def _is_covered(name: str, seen: set[str]) -> bool:
    return name in seen or STATES_ALL in seen or (TASK_FAILED in seen and name not in _NOT_TASK_FAILED)


def _entries(state: dict[str, Any], field: str) -> list[Any]:
    entries = state.get(field)
    return entries if isinstance(entries, list) else []


def _error_names(entry: Any) -> set[str]:
    names = entry.get("ErrorEquals") if isinstance(entry, dict) else None
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
