"""The Fail state: end the machine or branch badly, with an error and a cause of the author's choice.

History: FailStateEntered; no Exited event.
"""

from __future__ import annotations

from engine.asl.model import FailState
from engine.execution.frame import Frame
from engine.execution.outcome import Failed, Outcome
from engine.execution.step import Step
from engine.states.data_flow import View, text_of


def enter(state: FailState, frame: Frame, step: Step) -> Outcome:
    """Fail with Error and Cause, which may both be absent."""
    event_id = step.record(frame, "FailStateEntered", state.name, frame.input)
    return fail(state, frame, step, event_id)


def fail(state: FailState, frame: Frame, step: Step, event_id: int) -> Outcome:
    """The failure alone: a redrive repeats it without a new Entered event."""
    view = View(frame, step)
    if state.query_language == "JSONPath":
        view.shows("afterInputPath", frame.input)
    scope = view.scope
    error, cause = text_of(state.error, scope, "Error"), text_of(state.cause, scope, "Cause")
    return Failed(error, cause, event_id)
