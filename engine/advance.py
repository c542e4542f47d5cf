"""The front door of the engine: a stimulus in; history events and waiting frames out.

Everything between one committed page and the next begins here: a stimulus finds its frame, the frame's state answers
with an outcome, and `control` moves on from there until every frame waits or the execution has ended.
"""

from __future__ import annotations

from typing import assert_never

from engine.asl.model import MapState, TaskState, WaitState
from engine.control import guarded, settle
from engine.ending import end, ended_by_deletion, fail_execution
from engine.execution.execution import Status
from engine.execution.frame import ROOT, Attempt, BackOff, Frame, MapRun, Ready, Until, path_order
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
from engine.failure import RUNTIME, TIMEOUT
from engine.limits import HISTORY_EVENTS_MAX
from engine.states import dispatch, distributed_map, task_state, wait_state
from engine.states.redrive import behind, redrive


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
        fail_execution(step, RUNTIME, cause, step.execution.last_event_id)


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
            _map_run_ended(step, stimulus)
        case Stop():
            step.note(0, "ExecutionAborted", stimulus.error, stimulus.cause)
            end(step, Status.ABORTED, error=stimulus.error, cause=stimulus.cause)
        case BudgetExceeded():
            fail_execution(step, stimulus.error, stimulus.cause, step.execution.last_event_id)
        case MachineDeleted():
            step.execution.machine_deleted = True
        case Redrive():
            if step.execution.ended:
                _redrive(step)
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


def _redrive(step: Step) -> None:
    acts = redrive(step)
    redriven_id = step.execution.last_event_id
    for frame, act in acts:
        if step.execution.ended:
            break
        if step.execution.frames.get(frame.path) is frame:
            settle(step, frame, behind(redriven_id, frame, guarded(step, frame, act)))


def _enter(step: Step, frame: Frame) -> None:
    """Make one transition: enter the frame's state."""
    if ended_by_deletion(step):
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
    settle(step, frame, guarded(step, frame, lambda: dispatch.enter(state, frame, step), evaluation_parent))


def _timer_due(step: Step, stimulus: TimerDue) -> None:
    frame = step.execution.frames.get(stimulus.path)
    if frame is None or frame.visit != stimulus.visit:
        return
    state = step.execution.state_of(frame)
    match frame.waits:
        case Until(due_ms) if due_ms <= step.now_ms:
            assert isinstance(state, WaitState)
            if not ended_by_deletion(step):
                wait = state
                settle(step, frame, guarded(step, frame, lambda: wait_state.resume(wait, frame, step)))
        case BackOff(due_ms, cause_id) if due_ms <= step.now_ms:
            if not ended_by_deletion(step):
                frame.last_id = cause_id
                step.budget -= 1
                settle(step, frame, guarded(step, frame, lambda: dispatch.try_again(state, frame, step)))
        case Attempt() as attempt:
            assert isinstance(state, TaskState)
            failed = task_state.timed_out(state, frame, attempt, step)
            if failed is not None:
                settle(step, frame, failed)
        case _:
            pass  # came early or too late: what the frame waits for now has a timer of its own


def _execution_timer_due(step: Step) -> None:
    execution = step.execution
    if execution.deadline_ms > step.now_ms:
        return
    step.note(0, "ExecutionTimedOut", TIMEOUT)
    end(step, Status.TIMED_OUT, stop_ms=execution.deadline_ms)


def _map_run_ended(step: Step, stimulus: MapRunEnded) -> None:
    frame = step.execution.frames.get(stimulus.path)
    if frame is None or not isinstance(frame.waits, MapRun) or frame.waits.arn != stimulus.arn:
        return
    if frame.waits.redrive_count != stimulus.redrive_count:
        return
    run, state = frame.waits, step.execution.state_of(frame)
    assert isinstance(state, MapState)
    if not ended_by_deletion(step):
        settle(step, frame, guarded(step, frame, lambda: distributed_map.ended(state, frame, run, step, stimulus)))


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
    if ends and ended_by_deletion(step):
        return
    match stimulus:
        case TaskStarted():
            task_state.started(state, frame, attempt, step, stimulus)
        case TaskHeartbeat():
            task_state.heartbeat(frame, attempt, step, stimulus)
        case TaskSubmitted():
            found = stimulus
            settle(step, frame, guarded(step, frame, lambda: task_state.submitted(state, frame, attempt, step, found)))
        case TaskSucceeded() | TaskFailed():
            ended = stimulus
            settle(step, frame, guarded(step, frame, lambda: task_state.ended(state, frame, attempt, step, ended)))
        case WorkerLost():
            settle(step, frame, task_state.worker_lost(state, frame, attempt, step, stimulus))
        case TaskGivenBack():
            task_state.given_back(frame, attempt, step, stimulus)
        case CallDropped(_, _, grant):
            if attempt.grant == grant:
                settle(step, frame, task_state.timed_out(state, frame, attempt, step))
        case _ as never:
            assert_never(never)
