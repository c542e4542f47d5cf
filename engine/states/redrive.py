"""Redrive: an execution that failed, was aborted or timed out goes on where it was.

History: ExecutionRedriven after the terminal event; then every unfinished state goes on with its old StateEntered as
cause and without a second Entered event. Retry counters start anew.
Source: captures of redriven tasks, Parallel, Map, Wait and Fail states.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.asl.model import FailState, WorkState
from engine.execution.execution import Status
from engine.execution.frame import Ended, Frame, Ready, Until
from engine.execution.outcome import Outcome
from engine.execution.step import Step
from engine.states import dispatch, fail_state


def redrive(step: Step) -> list[tuple[Frame, Callable[[], Outcome]]]:
    """Bring the execution back to life; returns the frames that go on, each with what it does first."""
    execution = step.execution
    terminal_id = execution.last_event_id
    execution.status = Status.RUNNING
    execution.output = execution.error = execution.cause = execution.stop_ms = None
    execution.redrive_count += 1
    execution.redrive_ms = step.now_ms
    redriven_id = step.note(terminal_id, "ExecutionRedriven", execution.redrive_count)
    unfinished = []
    for frame in list(execution.frames.values()):
        family = execution.families.get(frame.path)
        if not isinstance(frame.waits, Ended) and not (family is not None and family.frames):
            act = _first_act(frame, step, redriven_id)
            if act is not None:
                unfinished.append((frame, act))
    return unfinished


def _first_act(frame: Frame, step: Step, redriven_id: int) -> Callable[[], Outcome] | None:
    """What an unfinished frame does first; None when it enters its state like any ready frame."""
    state = step.execution.state_of(frame)
    step.touched.add(frame.path)
    frame.retry_count, frame.retry_counts = 0, []
    if isinstance(frame.waits, Until):
        # The whole duration again.
        due_ms = step.now_ms + frame.waits.due_ms - frame.entered_ms
        frame.last_id = frame.entered_id
        return lambda: Until(due_ms)
    if frame.visit and isinstance(state, FailState):
        failing = state
        return lambda: fail_state.fail(failing, frame, step, redriven_id)
    if frame.visit and isinstance(state, WorkState) and not isinstance(frame.waits, Ready):
        frame.last_id = frame.entered_id
        return lambda: dispatch.try_again(state, frame, step)
    frame.waits = Ready()
    step.ready.append(frame)
    return None
