"""Checks where states lead: targets that exist, an end that can be named, states that can be reached.

Source: measured on the service; order and suppression as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.asl.diagnostics import Report
from engine.asl.structure import Machine

_CODE: Final = "MISSING_TRANSITION_TARGET"


def check_transitions(machine: Machine, report: Report) -> None:
    """Report dangling targets, then a missing end (of the whole machine only), then states that nothing leads to."""
    for target, location in _all_targets(machine):
        if target not in machine.states:
            report.error(f"Missing 'Next' target: {target}", location, _CODE)
    whole = machine.inside is None and machine.location == ""
    if whole and not any(map(_is_terminal, machine.states.values())):
        report.error("Workflow has no terminal state", None, "MISSING_END_STATE")
    elif isinstance(machine.start_at, str):
        reached = _reachable(machine)
        for name in machine.states:
            if name not in reached:
                report.error(f'State "{name}" is not reachable.', f"{machine.location}/States/{name}", _CODE)


def targets(state: Any, location: str) -> Iterator[tuple[str, str]]:
    """Every state that a state may lead to, with the place where it is named, in writing order."""
    if not isinstance(state, dict):
        return
    for name, value in state.items():
        if name in ("Next", "Default") and isinstance(value, str):
            yield value, f"{location}/{name}"
        elif name in ("Choices", "Catch") and isinstance(value, list):
            for index, entry in enumerate(value):
                if isinstance(entry, dict) and isinstance(entry.get("Next"), str):
                    yield entry["Next"], f"{location}/{name}[{index}]/Next"


def _all_targets(machine: Machine) -> Iterator[tuple[str, str]]:
    if isinstance(machine.start_at, str):
        yield machine.start_at, f"{machine.location}/StartAt"
    for name, state in machine.states.items():
        yield from targets(state, f"{machine.location}/States/{name}")


def _is_terminal(state: Any) -> bool:
    return isinstance(state, dict) and (state.get("End") is True or state.get("Type") in ("Succeed", "Fail"))


def _reachable(machine: Machine) -> set[str]:
    reached = {machine.start_at} & machine.states.keys()
    waiting = list(reached)
    while waiting:
        for target, _ in targets(machine.states[waiting.pop()], ""):
            if target in machine.states and target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached
