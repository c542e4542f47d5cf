"""The context object (`$$`, `$states.context`), made only when an expression asks for it.

Source: developer guide, "Context object"; order of keys as recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine import task_token
from engine.asl.model import MapState, ParallelState, TaskState
from engine.execution.execution import Execution
from engine.execution.frame import Frame
from engine.expressions.scope import Entropy, Scope
from engine.timestamps import iso_from_ms

_NO_VARIABLES: Final[Mapping[str, Any]] = {}


def scope_of(
    execution: Execution,
    frame: Frame,
    entropy: Entropy,
    secret: bytes | None = None,
    item: tuple[int, Any] | None = None,
    now_ms: int | None = None,
    item_details: Mapping[str, Any] = _NO_VARIABLES,
) -> Scope:
    """What the expressions of the frame's state can see before the state has done anything.

    Args:
        execution: the execution.
        frame: the frame; its raw input becomes `$`.
        entropy: random bytes from outside.
        secret: of the task token that the state hands out with the attempt that is being scheduled.
        item: (index, value) of the Map item whose ItemSelector is evaluated.
        now_ms: Unix milliseconds of the turn, for `$now` and `$millis`.
        item_details: further members of `$$.Map.Item` (a distributed Map tells where an item comes from).
    """
    maker = _maker(execution, frame, secret, item, item_details)
    scope = Scope(frame.input.value, maker, visible_variables(execution, frame), entropy, now_ms=now_ms)
    scope.payload = frame.input
    return scope


def visible_variables(execution: Execution, frame: Frame) -> Mapping[str, Any]:
    """Variables of this frame's scope and of those around it."""
    found: dict[str, Any] | None = None
    at: Frame | None = frame
    while at is not None:
        if at.variables:
            outer = {name: payload.value for name, payload in at.variables.items()}
            found = outer if found is None else outer | found
        at = execution.frames.get(at.parent_path)
    return _NO_VARIABLES if found is None else found


def _maker(
    execution: Execution,
    frame: Frame,
    secret: bytes | None,
    item: tuple[int, Any] | None,
    item_details: Mapping[str, Any],
) -> Callable[[], Mapping[str, Any]]:
    made: Mapping[str, Any] | None = None

    def make() -> Mapping[str, Any]:
        nonlocal made
        if made is None:
            given = execution.given_context
            context = _context(execution, frame, secret, item) if given is None else _with_item(given, item)
            if item_details:
                context["Map"]["Item"].update(item_details)
            made = context
        return made

    return make


def _with_item(given: Mapping[str, Any], item: tuple[int, Any] | None) -> dict[str, Any]:
    """A context from outside has no Map; an item under trial brings its own."""
    if item is None:
        return dict(given)
    return {**given, "Map": {"Item": {"Index": item[0], "Value": item[1]}}}


def _context(execution: Execution, frame: Frame, secret: bytes | None, item: tuple[int, Any] | None) -> dict[str, Any]:
    origin = execution.origin
    about: dict[str, Any] = {
        "Id": origin.arn,
        "Input": origin.input.value,
        "StartTime": iso_from_ms(origin.start_ms),
        "Name": origin.name,
        "RoleArn": origin.role_arn or None,
    }
    if not origin.synchronous:
        about["RedriveCount"] = execution.redrive_count
    if execution.redrive_ms is not None:
        about["RedriveTime"] = iso_from_ms(execution.redrive_ms)
    state: dict[str, Any] = {"Name": frame.state, "EnteredTime": iso_from_ms(frame.entered_ms)}
    if isinstance(execution.state_of(frame), TaskState | ParallelState | MapState):
        state["RetryCount"] = frame.retry_count
    context: dict[str, Any] = {
        "Execution": about,
        "StateMachine": {"Id": origin.machine_arn, "Name": origin.machine_name},
        "State": state,
    }
    if secret is not None:
        context["Task"] = {"Token": task_token.encode(origin.id, frame.path, secret, origin.place)}
    around = item if item is not None else _item_around(execution, frame)
    if around is not None:
        context["Map"] = {"Item": {"Index": around[0], "Value": around[1]}}
    return context


def _item_around(execution: Execution, frame: Frame) -> tuple[int, Any] | None:
    at: Frame | None = frame
    while at is not None:
        if at.item is not None:
            return at.item[0], at.item[1].value
        at = execution.frames.get(at.parent_path)
    return None
