"""Redrive: an execution that failed, was aborted or timed out goes on where it was.

History: ExecutionRedriven after the terminal event; then every unfinished state goes on with its old StateEntered as
cause and without a second Entered event. Retry counters start anew. An express child of a distributed Map has no place
to go on from: it starts again, under its old name.
Source: captures of redriven tasks, Parallel, Map, Wait and Fail states, and of map runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.asl.model import MapState
from engine.execution.execution import Status
from engine.execution.frame import ROOT, Children, Ended, Frame, Ready, path_order
from engine.execution.outcome import Failed, Outcome
from engine.execution.step import Step
from engine.states import dispatch, map_state

Act = Callable[[], Outcome]


def redrive(step: Step) -> list[tuple[Frame, Act]]:
    """Bring the execution back to life; returns the frames that go on, each with what it does first."""
    execution = step.execution
    terminal_id = execution.last_event_id
    execution.status = Status.RUNNING
    execution.output = execution.error = execution.cause = execution.stop_ms = None
    execution.redrive_count += 1
    if execution.origin.express:
        _start_again(step)
        return []
    execution.redrive_ms = step.now_ms
    step.note(terminal_id, "ExecutionRedriven", execution.redrive_count)
    unfinished = []
    # By path, for memory keeps frames in the order in which they came, and a load in that of their paths.
    for frame in sorted(execution.frames.values(), key=path_order):
        if not isinstance(frame.waits, Ended) and execution.frames.get(frame.path) is frame:
            act = _first_act(frame, step)
            if act is not None:
                unfinished.append((frame, act))
    return unfinished


def behind(redriven_id: int, frame: Frame, outcome: Outcome | None) -> Outcome | None:
    """A state that fails at once, before it has written anything, fails behind ExecutionRedriven (as Fail does)."""
    if isinstance(outcome, Failed) and outcome.event_id == frame.entered_id:
        return replace(outcome, event_id=redriven_id)
    return outcome


def _first_act(frame: Frame, step: Step) -> Act | None:
    """What an unfinished frame does first; None when it only waits for its children, or enters its state anew."""
    state = step.execution.state_of(frame)
    step.touched.add(frame.path)
    frame.retry_count, frame.retry_counts = 0, []
    waits, family = frame.waits, step.execution.families.get(frame.path)
    if family is not None and family.frames:
        if isinstance(waits, Children):
            if family.open:
                return None
            assert isinstance(state, MapState)
            machine = state
            return lambda: map_state.go_on(machine, frame, waits, step)
        step.drop_children(frame)  # it failed while it started them: they are started again
    if frame.entered_id:
        frame.last_id = frame.entered_id
        return lambda: dispatch.go_on(state, frame, step)
    frame.waits = Ready()
    step.ready.append(frame)
    return None


def _start_again(step: Step) -> None:
    """An express execution starts at its first state, now, with the input it had."""
    execution = step.execution
    origin = execution.origin = replace(execution.origin, start_ms=step.now_ms)
    step.note(0, "ExecutionStarted", origin.input, origin.role_arn, origin.alias_arn, origin.version_arn)
    before = execution.frames[ROOT]
    step.drop_children(before)
    # The visits go on counting, so that a timer of the life before is stale.
    fresh = Frame(ROOT, execution.program.machine.start_at, origin.input.compact(), Ready(), visit=before.visit)
    execution.frames[ROOT] = fresh
    step.touched.add(ROOT)
    step.ready.append(fresh)
