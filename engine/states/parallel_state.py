"""The Parallel state: run branches side by side, collect their outputs in order.

History: ParallelStateEntered, ParallelStateStarted, the branches' events, ParallelStateSucceeded, ParallelStateExited
(both with the last event of the branch that finished last as cause).
"""

from __future__ import annotations

from engine.asl.model import ParallelState
from engine.execution.frame import Children, Frame
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.states.children import collected
from engine.states.data_flow import View, check_size, finish, leave, select_result, work_input


def enter(state: ParallelState, frame: Frame, step: Step) -> Outcome:
    """Enter and start every branch."""
    step.record(frame, "ParallelStateEntered", state.name, frame.input)
    return start(state, frame, step)


def start(state: ParallelState, frame: Frame, step: Step) -> Outcome:
    """Start every branch with the same input; also after a retry."""
    given = work_input(state, View(frame, step))
    check_size(state.name, given)
    started_id = step.record(frame, "ParallelStateStarted")
    for index, branch in enumerate(state.branches):
        step.spawn(frame, index, branch.start_at, given, started_id)
    return Children(started_id, len(state.branches), len(state.branches))


def resume(state: ParallelState, frame: Frame, step: Step, last_id: int) -> Outcome:
    """Every branch has ended: collect. `last_id` is the last event of the branch that finished last."""
    frame.last_id = last_id
    result = collected(frame, step)
    step.drop_children(frame)
    step.note(last_id, "ParallelStateSucceeded")
    view = View(frame, step)
    output, assigned = finish(state, view, select_result(state, view, result), state.result_path, is_work=True)
    return leave("ParallelStateExited", state, view, output, assigned, state.next)
