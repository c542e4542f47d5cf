"""Where an outcome leads: into the next state, up to the state around, to a retrier or catcher, or to the end.

Source: sequences of failing, retried and caught states, branches and iterations in the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from engine.asl.model import MapState, ParallelState, TaskState, WorkState
from engine.ending import end, fail_execution
from engine.execution.execution import Status
from engine.execution.frame import ROOT, Attempt, Children, Ended, Frame, MapRun, Ready, Until
from engine.execution.outcome import Done, Failed, Outcome
from engine.execution.step import Step
from engine.failure import DATA_LIMIT_EXCEEDED, QUERY_EVALUATION_ERROR, RUNTIME, StateError, shown_cause
from engine.payload import Payload
from engine.states import map_state, parallel_state
from engine.states.abort import abort_children
from engine.states.data_flow import View, caught, leave
from engine.states.retry import back_off, error_output, first_match

_READY: Final = Ready()


def guarded(
    step: Step, frame: Frame, act: Callable[[], Outcome | None], evaluation_parent: int | None = None
) -> Outcome | None:
    """Let a state act; an error in its expressions becomes a failed outcome with the events that AWS writes.

    Args:
        step: the turn.
        frame: the frame that acts.
        act: what it does.
        evaluation_parent: the event before StateEntered, which EvaluationFailed follows if nothing else was written.
    """
    entered_id = step.execution.last_event_id + 1
    try:
        return act()
    except StateError as error:
        return _failed_by(step, frame, error, entered_id if evaluation_parent is not None else 0, evaluation_parent)


def _failed_by(step: Step, frame: Frame, error: StateError, entered_id: int, parent_id: int | None) -> Failed:
    cause = error.cause
    if error.error != DATA_LIMIT_EXCEEDED and not step.bare_causes:
        cause = (
            f"An error occurred while executing the state '{frame.state}' (entered at the event id "
            f"#{frame.entered_id}). {cause}"
        )
    cause = shown_cause(cause)
    event_id = frame.last_id
    if error.error == QUERY_EVALUATION_ERROR or error.location is not None:
        if parent_id is not None and frame.last_id == entered_id:
            event_id = parent_id
        event_id = step.note(event_id, "EvaluationFailed", frame.state, error.error, cause, error.location)
    return Failed(error.error, cause, event_id, final=error.error == RUNTIME)


def settle(step: Step, frame: Frame, outcome: Outcome | None) -> None:
    """Do what an outcome says; None says that nothing has changed."""
    if outcome is None or step.execution.ended:
        return
    step.touched.add(frame.path)
    match outcome:
        case Done(output, next_state):
            if next_state is None:
                _end_frame(step, frame, output)
            else:
                frame.state, frame.input, frame.waits, frame.entered_id = next_state, output, _READY, 0
                step.ready.appendleft(frame)
        case Failed():
            _handle_failure(step, frame, outcome)
        case Until() | Attempt() | Children() | MapRun():
            frame.waits = outcome
        case _ as never:
            assert_never(never)


def _end_frame(step: Step, frame: Frame, output: Payload) -> None:
    """A machine, branch or iteration has come to its end."""
    if frame.path == ROOT:
        step.note(frame.last_id, "ExecutionSucceeded", output)
        end(step, Status.SUCCEEDED, output=output)
        return
    frame.waits = Ended(output, frame.last_id)
    parent = step.execution.frames[frame.parent_path]
    family = step.children_of(parent)
    family.open -= 1
    state, waits = step.execution.state_of(parent), parent.waits
    assert isinstance(waits, Children)
    if isinstance(state, MapState):
        machine = state
        settle(
            step,
            parent,
            guarded(step, parent, lambda: map_state.iteration_succeeded(machine, parent, waits, step, frame)),
        )
    elif family.open == 0:
        assert isinstance(state, ParallelState)
        parallel = state
        settle(
            step, parent, guarded(step, parent, lambda: parallel_state.resume(parallel, parent, step, frame.last_id))
        )


def _handle_failure(step: Step, frame: Frame, failed: Failed) -> None:
    """Retry, else Catch, else fail the state around, else the execution."""
    state = step.execution.state_of(frame)
    if isinstance(state, WorkState):
        waits = back_off(state.retry, failed, frame, step)
        if waits is not None:
            step.drop_children(frame)
            frame.waits = waits
            step.touched.add(frame.path)
            return
        failed = _close_work(step, frame, state, failed)
        found = first_match(state.catch, failed)
        if found is not None:
            step.drop_children(frame)
            step.took("catcher", frame.state, found[0])
            _catch(step, frame, failed, found[0])
            return
    _fail_frame(step, frame, failed)


def _close_work(step: Step, frame: Frame, state: WorkState, failed: Failed) -> Failed:
    """Parallel and Map say that they failed, once no retrier is left; States.Runtime ends everything at once."""
    if failed.final or isinstance(state, TaskState):
        return failed
    name = "MapStateFailed" if isinstance(state, MapState) else "ParallelStateFailed"
    return Failed(failed.error, failed.cause, step.note(failed.event_id, name), failed.also)


def _catch(step: Step, frame: Frame, failed: Failed, index: int) -> None:
    state = step.execution.state_of(frame)
    assert isinstance(state, WorkState)
    catcher = state.catch[index]
    kind = {TaskState: "TaskStateExited", MapState: "MapStateExited"}.get(type(state), "ParallelStateExited")
    frame.last_id = failed.event_id

    def go_on() -> Outcome:
        view = View(frame, step)
        output, assigned = caught(catcher, view, error_output(failed))
        return leave(kind, state, view, output, assigned, catcher.next)

    outcome = guarded(step, frame, go_on)
    if isinstance(outcome, Failed):
        _fail_frame(step, frame, outcome)
    else:
        settle(step, frame, outcome)


def _fail_frame(step: Step, frame: Frame, failed: Failed) -> None:
    """Nobody caught it here: the state around fails with the same error, or the execution does."""
    if frame.path == ROOT or failed.final:
        fail_execution(step, failed.error, failed.cause, failed.event_id)
        return
    parent = step.execution.frames[frame.parent_path]
    abort_children(step.execution.state_of(parent), parent, frame, step, failed.event_id)
    below = f"{parent.path}/"
    for waiting in [ready for ready in step.ready if ready.path.startswith(below)]:
        step.ready.remove(waiting)
    _handle_failure(step, parent, failed)
