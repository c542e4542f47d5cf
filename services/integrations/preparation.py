"""What a task's evaluated Parameters become before its attempt is scheduled, service by service.

TaskScheduled shows them as the service takes them, with what AWS adds (`StartedBy` of `ecs:runTask.sync`). Parameters
that cannot be used fail the state before anything is scheduled: members that the API does not know, values that it
does not take, and keys that end in `.$` with something else than a path behind them.
The hosts of the engine equip programs with this when they compile them; loading models of APIs takes a while, so it
happens in a thread, once for every resource in the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from engine.asl.model import Preparer, Program, Resource, TaskState
from engine.failure import runtime_error
from engine.payload import Payload
from services.integrations.failures import not_startable_text

_made: Final[dict[Resource, Preparer | None]] = {}


async def equip(program: Program) -> Program:
    """The same program with a preparer for every resource that has one."""
    resources = _called(program)
    if any(resource not in _made for resource in resources):
        await asyncio.to_thread(load, resources)
    return _equipped(program, resources)


def equip_now(program: Program) -> Program:
    """The same where nobody minds waiting for models."""
    resources = _called(program)
    load(resources)
    return _equipped(program, resources)


def load(resources: Iterable[Resource]) -> None:
    """Make the preparers of resources; blocks while models are read."""
    for resource in resources:
        if resource not in _made:
            _made[resource] = _make(resource)


def _called(program: Program) -> list[Resource]:
    states = program.all_states.values()
    found = {state.resource for state in states if isinstance(state, TaskState) and state.resource.kind == "service"}
    return list(found)


def _equipped(program: Program, resources: Iterable[Resource]) -> Program:
    found = {resource.arn: preparer for resource in resources if (preparer := _made[resource]) is not None}
    return replace(program, preparers=found) if found else program


def _make(resource: Resource) -> Preparer | None:
    from services.integrations.registry import rule_of

    rule = rule_of(resource)
    return None if rule is None else _preparer(rule)


def _preparer(rule: Callable[[dict[str, Any]], dict[str, Any]]) -> Preparer:
    from services.integrations.known_parameters import check_keys
    from services.integrations.shapes import ParameterProblems

    def prepare(given: Payload) -> Payload:
        try:
            written = given.value
            if not isinstance(written, dict):
                raise ParameterProblems(["The Parameters must be a JSON object"])
            check_keys(written)
            shown = rule(written)
        except ParameterProblems as problem:
            raise runtime_error(not_startable_text(given.text, problem.problems)) from None
        return given if shown is written else Payload(shown)

    return prepare
