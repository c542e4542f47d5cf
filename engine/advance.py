"""The front door of the engine: a stimulus in; history events and waiting frames out.

Everything between one committed page and the next happens here: a stimulus finds its frame, the frame's state answers
with an outcome, and the outcome moves control on until every frame waits or the execution has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

from engine.asl.model import MapState, ParallelState, TaskState, WaitState, WorkState
from engine.execution.execution import Status
from engine.execution.frame import ROOT, Attempt, BackOff, Children, Ended, Frame, MapRun, Ready, Until, path_order
from engine.execution.outcome import Done, Failed, Outcome
from engine.execution.step import HistoryFull, Step
from engine.execution.stimulus import (
    BudgetExceeded,
    CallDropped,
    Continue,
    ExecutionTimerDue,
    MachineDeleted,
    MapRunEnded,
    Redrive,
    Start,
    Stimulus,
    Stop,
    TaskFailed,
    TaskGivenBack,
    TaskHeartbeat,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerDue,
    WorkerLost,
)
from engine.failure import DATA_LIMIT_EXCEEDED, QUERY_EVALUATION_ERROR, RUNTIME, TIMEOUT, StateError
from engine.limits import HISTORY_EVENTS_MAX
from engine.payload import Payload
from engine.states import dispatch, map_state, parallel_state, task_state, wait_state
from engine.states.abort import abort_children
from engine.states.data_flow import View, caught, leave
from engine.states.redrive import redrive
from engine.states.retry import back_off, error_output, first_match

_READY: Final = Ready()


def advance(step: Step, stimulus: Stimulus) -> None:
    """Apply one stimulus, then run until every frame waits, the execution has ended, or the budget is used up.

    Args:
        step: the open turn; its execution is a working copy, to be kept only if the commit succeeds.
        stimulus: a stale one (older visit, closed attempt, ended execution) changes nothing, so delivery may repeat.

    Raises:
        AssertionError: an invariant is broken. No user input can cause it.
    """
    if step.execution.ended and not isinstance(stimulus, Redrive):
        return
    try:
        _deliver(step, stimulus)
        while step.ready and not step.execution.ended:
            if step.budget <= 0:
                step.park_ready_frames()
                break
            _enter(step, step.ready.popleft())
    except HistoryFull:
        cause = f"The execution reached the maximum number of history events ({HISTORY_EVENTS_MAX})."
        _fail_execution(step, RUNTIME, cause, step.execution.last_event_id)


def _deliver(step: Step, stimulus: Stimulus) -> None:
    match stimulus:
        case Start():
            _start(step)
        case Continue():
            waiting = [frame for frame in step.execution.frames.values() if isinstance(frame.waits, Ready)]
            # In the order of their paths, so that memory and a reload from pages go on alike.
            step.ready.extend(sorted(waiting, key=path_order))
        case TimerDue():
            _timer_due(step, stimulus)
        case ExecutionTimerDue():
            _execution_timer_due(step)
        case TaskStarted() | TaskSubmitted() | TaskSucceeded() | TaskFailed() | TaskHeartbeat():
            _about_attempt(step, stimulus)
        case TaskGivenBack() | WorkerLost() | CallDropped():
            _about_attempt(step, stimulus)
        case MapRunEnded():
            raise AssertionError("no map run was started")
        case Stop():
            step.note(0, "ExecutionAborted", stimulus.error, stimulus.cause)
            _end(step, Status.ABORTED, error=stimulus.error, cause=stimulus.cause)
        case BudgetExceeded():
            _fail_execution(step, stimulus.error, stimulus.cause, step.execution.last_event_id)
        case MachineDeleted():
            step.execution.machine_deleted = True
        case Redrive():
            if step.execution.ended:
                for frame, act in redrive(step):
                    _settle(step, frame, _guarded(step, frame, act))
        case _ as never:
            assert_never(never)


def _start(step: Step) -> None:
    execution = step.execution
    if execution.last_event_id or execution.frames:
        return
    origin = execution.origin
    step.note(0, "ExecutionStarted", origin.input, origin.role_arn, origin.alias_arn, origin.version_arn)
    root = Frame(ROOT, execution.program.machine.start_at, origin.input.compact(), Ready())
    execution.adopt(root)
    step.touched.add(ROOT)
    step.ready.append(root)


def _enter(step: Step, frame: Frame) -> None:
    """Make one transition: enter the frame's state."""
    if _deleted(step, frame):
        return
    step.budget -= 1
    frame.visit += 1
    frame.entered_ms = step.now_ms
    parent_id = frame.last_id
    frame.entered_id = step.execution.last_event_id + 1
    if frame.retry_count:
        frame.retry_count, frame.retry_counts = 0, []
    state = step.execution.state_of(frame)
    evaluation_parent = None if isinstance(state, WaitState) else parent_id
    _settle(step, frame, _guarded(step, frame, lambda: dispatch.enter(state, frame, step), evaluation_parent))


def _timer_due(step: Step, stimulus: TimerDue) -> None:
    frame = step.execution.frames.get(stimulus.path)
    if frame is None or frame.visit != stimulus.visit:
        return
    state = step.execution.state_of(frame)
    match frame.waits:
        case Until(due_ms) if due_ms <= step.now_ms:
            assert isinstance(state, WaitState)
            if not _deleted(step, frame):
                wait = state
                _settle(step, frame, _guarded(step, frame, lambda: wait_state.resume(wait, frame, step)))
        case BackOff(due_ms, cause_id) if due_ms <= step.now_ms:
            if not _deleted(step, frame):
                frame.last_id = cause_id
                step.budget -= 1
                _settle(step, frame, _guarded(step, frame, lambda: dispatch.try_again(state, frame, step)))
        case Attempt() as attempt:
            assert isinstance(state, TaskState)
            failed = task_state.timed_out(state, frame, attempt, step)
            if failed is not None:
                _settle(step, frame, failed)
        case _:
            pass  # came early or too late: what the frame waits for now has a timer of its own


def _execution_timer_due(step: Step) -> None:
    execution = step.execution
    if execution.deadline_ms > step.now_ms:
        return
    step.note(0, "ExecutionTimedOut", TIMEOUT)
    _end(step, Status.TIMED_OUT, stop_ms=execution.deadline_ms)


def _about_attempt(
    step: Step,
    stimulus: (
        TaskStarted
        | TaskSubmitted
        | TaskSucceeded
        | TaskFailed
        | TaskHeartbeat
        | WorkerLost
        | TaskGivenBack
        | CallDropped
    ),
) -> None:
    frame = step.execution.frames.get(stimulus.path)
    if frame is None or not isinstance(frame.waits, Attempt) or frame.waits.token != stimulus.token:
        return
    attempt, state = frame.waits, step.execution.state_of(frame)
    assert isinstance(state, TaskState)
    ends = isinstance(stimulus, TaskSucceeded | TaskFailed)
    if ends and _deleted(step, frame):
        return
    match stimulus:
        case TaskStarted():
            task_state.started(state, frame, attempt, step, stimulus)
        case TaskHeartbeat():
            task_state.heartbeat(frame, attempt, step, stimulus)
        case TaskSubmitted():
            found = stimulus
            _settle(
                step, frame, _guarded(step, frame, lambda: task_state.submitted(state, frame, attempt, step, found))
            )
        case TaskSucceeded() | TaskFailed():
            ended = stimulus
            _settle(step, frame, _guarded(step, frame, lambda: task_state.ended(state, frame, attempt, step, ended)))
        case WorkerLost():
            _settle(step, frame, task_state.worker_lost(state, frame, attempt, step, stimulus))
        case TaskGivenBack():
            task_state.given_back(frame, attempt, step, stimulus)
        case CallDropped(_, _, grant):
            if attempt.grant == grant:
                _settle(step, frame, task_state.timed_out(state, frame, attempt, step))
        case _ as never:
            assert_never(never)


def _guarded(
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
    event_id = frame.last_id
    if error.error == QUERY_EVALUATION_ERROR or error.location is not None:
        if parent_id is not None and frame.last_id == entered_id:
            event_id = parent_id
        event_id = step.note(event_id, "EvaluationFailed", frame.state, error.error, cause, error.location)
    return Failed(error.error, cause, event_id, final=error.error == RUNTIME)


def _settle(step: Step, frame: Frame, outcome: Outcome | None) -> None:
    """Do what an outcome says; None says that nothing has changed."""
    if outcome is None or step.execution.ended:
        return
    step.touched.add(frame.path)
    match outcome:
        case Done(output, next_state):
            if next_state is None:
                _end_frame(step, frame, output)
            else:
                frame.state, frame.input, frame.waits = next_state, output, _READY
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
        _end(step, Status.SUCCEEDED, output=output)
        return
    frame.waits = Ended(output, frame.last_id)
    parent = step.execution.frames[frame.parent_path]
    family = step.children_of(parent)
    family.open -= 1
    state, waits = step.execution.state_of(parent), parent.waits
    assert isinstance(waits, Children)
    if isinstance(state, MapState):
        machine = state
        _settle(
            step,
            parent,
            _guarded(step, parent, lambda: map_state.iteration_succeeded(machine, parent, waits, step, frame)),
        )
    elif family.open == 0:
        assert isinstance(state, ParallelState)
        parallel = state
        _settle(
            step, parent, _guarded(step, parent, lambda: parallel_state.resume(parallel, parent, step, frame.last_id))
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

    outcome = _guarded(step, frame, go_on)
    if isinstance(outcome, Failed):
        _fail_frame(step, frame, outcome)
    else:
        _settle(step, frame, outcome)


def _fail_frame(step: Step, frame: Frame, failed: Failed) -> None:
    """Nobody caught it here: the state around fails with the same error, or the execution does."""
    if frame.path == ROOT or failed.final:
        _fail_execution(step, failed.error, failed.cause, failed.event_id)
        return
    parent = step.execution.frames[frame.parent_path]
    abort_children(step.execution.state_of(parent), parent, frame, step, failed.event_id)
    below = f"{parent.path}/"
    for waiting in [ready for ready in step.ready if ready.path.startswith(below)]:
        step.ready.remove(waiting)
    _handle_failure(step, parent, failed)


def _deleted(step: Step, frame: Frame) -> bool:
    """The next transition of an execution whose machine was deleted ends it."""
    execution = step.execution
    if not execution.machine_deleted:
        return False
    cause = f"State machine {execution.origin.machine_name} has been deleted"
    _fail_execution(step, RUNTIME, cause, execution.last_event_id)
    return True


def _fail_execution(step: Step, error: str | None, cause: str | None, event_id: int) -> None:
    step.note(event_id, "ExecutionFailed", error, cause)
    _end(step, Status.FAILED, error=error, cause=cause)


def _end(
    step: Step,
    status: Status,
    output: Payload | None = None,
    error: str | None = None,
    cause: str | None = None,
    stop_ms: int | None = None,
) -> None:
    execution = step.execution
    execution.status = status
    execution.output, execution.error, execution.cause = output, error, cause
    execution.stop_ms = step.now_ms if stop_ms is None else stop_ms
    step.park_ready_frames()
