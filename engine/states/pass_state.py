"""The Pass state: hand the input on, replaced or reshaped.

History: PassStateEntered, PassStateExited.
"""

from __future__ import annotations

from engine.asl.model import PassState
from engine.execution.frame import Frame
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.payload import Payload
from engine.states.data_flow import View, effective_input, finish, leave


def enter(state: PassState, frame: Frame, step: Step) -> Outcome:
    """Enter and leave in the same turn."""
    step.record(frame, "PassStateEntered", state.name, frame.input)
    return act(state, frame, step)


def act(state: PassState, frame: Frame, step: Step) -> Outcome:
    """Leave with the result; after a redrive without a second Entered event."""
    view = View(frame, step)
    output, assigned = finish(state, view, _result(state, view), state.result_path)
    return leave("PassStateExited", state, view, output, assigned, state.next)


def _result(state: PassState, view: View) -> Payload:
    """Result if it is given, else the input after InputPath and Parameters."""
    if state.result is not None:
        result = view.shows("result", state.result)
    else:
        result = effective_input(state, view)
        if state.parameters is not None:
            result = Payload(state.parameters(view.scope.at(result.value)))
        if state.query_language == "JSONPath":
            view.shows("afterParameters", result)
    if state.query_language == "JSONPath":
        view.shows("afterResultSelector", result)
    return result
