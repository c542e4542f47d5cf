"""The Wait state: do nothing until a moment in time.

History: WaitStateEntered, WaitStateExited; nothing in between. A moment that has passed ends at once.
Source: recordings of the Seconds, SecondsPath, Timestamp and TimestampPath cases, valid and invalid.
"""

from __future__ import annotations

from typing import Any, Final

from engine.asl.model import WaitState
from engine.execution.frame import Frame, Until
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.expressions.scope import Scope
from engine.failure import StateError, evaluation_error, runtime_error
from engine.limits import WAIT_SECONDS_MAX
from engine.payload import encode_json
from engine.states.data_flow import View, effective_input, finish, leave
from engine.timestamps import ms_from_iso

_TIMESTAMP: Final = "ISO-8601 extended offset date-time format string"


def enter(state: WaitState, frame: Frame, step: Step) -> Outcome:
    """Enter, and wait."""
    step.record(frame, "WaitStateEntered", state.name, frame.input)
    return act(state, frame, step)


def act(state: WaitState, frame: Frame, step: Step) -> Outcome:
    """Wait until the moment that the state names; after a redrive a duration is waited for in full again."""
    view = View(frame, step)
    due_ms = _due_ms(state, view)
    if due_ms - step.now_ms > WAIT_SECONDS_MAX * 1000:
        raise runtime_error("Wait state delay is too long.")
    return resume(state, frame, step) if due_ms <= step.now_ms else Until(due_ms)


def resume(state: WaitState, frame: Frame, step: Step) -> Outcome:
    """The time has come: leave with the input."""
    view = View(frame, step)
    output, assigned = finish(state, view, effective_input(state, view))
    return leave("WaitStateExited", state, view, output, assigned, state.next)


def _due_ms(state: WaitState, view: View) -> int:
    scope = view.scope.at(effective_input(state, view).value)
    if state.seconds_path is not None:
        return view.step.now_ms + 1000 * _seconds_of_path(*state.seconds_path, scope)
    if state.timestamp_path is not None:
        path, expression = state.timestamp_path
        moment = _moment(expression(scope))
        if moment is None:
            raise runtime_error(
                f"The TimestampPath parameter does not reference a valid {_TIMESTAMP}: "
                f"{path} == {_plain(expression(scope))}"
            )
        return moment
    if state.timestamp is not None:
        text = state.timestamp if isinstance(state.timestamp, str) else state.timestamp(scope)
        moment = _moment(text)
        if moment is None:
            cause = f"The Timestamp field cannot be parsed as an {_TIMESTAMP}: {_plain(text)}"
            raise evaluation_error(cause, "Timestamp") if state.query_language == "JSONata" else runtime_error(cause)
        return moment
    seconds = state.seconds
    assert seconds is not None
    return view.step.now_ms + int(1000 * _whole_seconds(seconds(scope) if callable(seconds) else seconds))


def _seconds_of_path(path: str, expression: Any, scope: Scope) -> int:
    try:
        value = expression(scope)
    except StateError:
        raise _no_seconds(path) from None
    if value is None:
        raise _no_seconds(path)
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.lstrip("-").isdigit() else value
    if isinstance(value, bool) or not isinstance(value, int):
        raise runtime_error(f"The SecondsPath parameter cannot be parsed as a long value: {path} == {_plain(value)}")
    if value < 0:
        raise runtime_error(f"The SecondsPath parameter references a negative value: {path} == {value}")
    return value


def _no_seconds(path: str) -> StateError:
    return runtime_error(f"The SecondsPath parameter does not reference an input value: {path}")


def _whole_seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise evaluation_error(f"The Seconds field must be a non-negative integer but was: {_plain(value)}", "Seconds")
    if value < 0:
        raise evaluation_error(f"The Seconds field must be a non-negative integer but was: {int(value)}", "Seconds")
    return int(value)


def _moment(value: Any) -> int | None:
    return ms_from_iso(value) if isinstance(value, str) else None


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else encode_json(value).decode()
