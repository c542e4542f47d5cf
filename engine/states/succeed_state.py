"""The Succeed state: end the machine or branch well.

History: SucceedStateEntered, SucceedStateExited.
"""

from __future__ import annotations

from engine.asl.model import SucceedState
from engine.execution.frame import Frame
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.states.data_flow import View, effective_input, finish, leave


def enter(state: SucceedState, frame: Frame, step: Step) -> Outcome:
    """End with the input after InputPath and OutputPath, or with Output."""
    step.record(frame, "SucceedStateEntered", state.name, frame.input)
    return act(state, frame, step)


def act(state: SucceedState, frame: Frame, step: Step) -> Outcome:
    """End; after a redrive without a second Entered event."""
    view = View(frame, step)
    output, assigned = finish(state, view, effective_input(state, view))
    return leave("SucceedStateExited", state, view, output, assigned, None)
